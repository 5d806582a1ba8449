#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/dirty from the traces that l1/boots leaves.

    dirty_figures.py [--json FILE] [--plot FILE] [--wall] --size SIZE RUN_DIRECTORY...     each named by the guests' vCPUs
"""
import argparse
import json
import pathlib
import statistics

import curves
from boot_figures import WORK_MARK, events

PAGES = {"4k": "4 KiB", "2m": "2 MiB"}
SYSTEMS = tuple(f"{vmm}-{pages}{how}" for pages in PAGES
                for vmm, how in (("mayfly", ""), ("mayfly", "-prefault"), ("qemu", ""), ("qemu", "-prealloc")))
# The marks of dirty_load.cpp.
FIRST, FIRST_END, AGAIN, AGAIN_END = range(4)


def spans_of(path):
    """What the spans of one boot took, in Minsn or milliseconds, and the page faults of the first writes."""
    at = {}
    faults = 0
    for when, event, words in events(path):
        mark = WORK_MARK.search(words) if event == "kvm_cpuid" else None
        if event == "tracing_mark_write" and words == "exec":
            at["exec"] = when
        elif mark:
            at[int(mark[1])] = when
        elif event == "kvm_page_fault" and FIRST in at and FIRST_END not in at:
            faults += 1
    for point in ("exec", FIRST, FIRST_END, AGAIN, AGAIN_END):
        if point not in at:
            raise SystemExit(f"dirty_figures: {path} lacks the point '{point}'; the load did not end or the trace is cut")
    return {
        "exec_to_load": at[FIRST] - at["exec"],
        "first": at[FIRST_END] - at[FIRST],
        "again": at[AGAIN_END] - at[AGAIN],
        "exec_to_written": at[FIRST_END] - at["exec"],
    }, faults


def measure(system, run, unit):
    """The object of one system with so many vCPUs."""
    timed = [spans_of(path)[0] for path in run.glob(f"{system}.timed.*.trace")]
    figures = {f"{span}_{unit}": round(statistics.median(boot[span] for boot in timed), 3) for span in timed[0]}
    for path in run.glob(f"{system}.exits.*.trace"):
        figures["page_faults"] = spans_of(path)[1]
    return figures


def print_table(size, figures, unit):
    columns = (("exec to load", "exec_to_load"), ("first writes", "first"), ("again", "again"), ("exec to written", "exec_to_written"))
    for cpus in next(iter(figures.values())):
        number = cpus.removeprefix("cpus_")
        print(f"{size} written by {number} vCPU{'s' if number != '1' else ''}, {'Minsn' if unit == 'minsn' else 'ms'}")
        print(f"  {'':18}" + "".join(f"{title:>17}" for title, _ in columns) + f"{'page faults':>17}")
        for system, measured in figures.items():
            cells = [f"{measured[cpus][f'{key}_{unit}']:.2f}" for _, key in columns] + [str(measured[cpus].get("page_faults", "-"))]
            print(f"  {system:18}" + "".join(f"{cell:>17}" for cell in cells))


def drawing(figures, unit):
    """First writes against vCPUs, a chart for each size of page."""
    parts = []
    for place, (pages, name) in enumerate(PAGES.items()):
        lines = {system: [(int(cpus.removeprefix("cpus_")), of[f"first_{unit}"]) for cpus, of in measured.items()]
                 for system, measured in figures.items() if f"-{pages}" in system}
        if not lines:
            continue
        numbers = sorted({x for line in lines.values() for x, _ in line})
        highest = max(y for line in lines.values() for _, y in line)
        parts += curves.chart(lines, f"vCPUs, host pages of {name}", f"first writes, {'Minsn' if unit == 'minsn' else 'ms'}",
                              {x: x for x in numbers}, {y: y for y in curves.ticks(highest)}, place * curves.WIDTH)
    return curves.svg(parts, len(PAGES) * curves.WIDTH)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--size", required=True)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    unit = "ms" if options.wall else "minsn"
    runs = sorted(options.runs, key=lambda run: int(run.name))
    systems = [system for system in SYSTEMS if any(runs[0].glob(f"{system}.timed.*.trace"))]
    figures = {system: {f"cpus_{run.name}": measure(system, run, unit) for run in runs} for system in systems}
    print_table(options.size, figures, unit)
    if options.plot:
        options.plot.write_text(drawing(figures, unit))
    if options.json:
        options.json.write_text(json.dumps({"size": options.size, "unit": unit, **figures}, indent=2) + "\n")


main()
