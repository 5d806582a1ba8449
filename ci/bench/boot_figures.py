#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot from the traces that l1/boots leaves.

    boot_figures.py [--json FILE] RUN_DIRECTORY...
"""
import argparse
import collections
import json
import pathlib
import re
import statistics

SYSTEMS = ("mayfly", "qemu-microvm", "qemu-q35")
# comm-pid [cpu] flags seconds: event: words
EVENT = re.compile(r"^.{16}-\d+\s+\[\d+\] \S+\s+(\d+\.\d+): (\w+): (.*)$")
MARK = re.compile(r"pio_write at 0x80 size 1 count 1 val 0x(60|61|62)\b")
MARK_NAMES = {"60": "init", "61": "ready", "62": "workload_exit"}
REASON = re.compile(r"reason (.*?)\s+rip ")


def events(path):
    """Each event of a trace file as (Minsn since L1's start, event, words)."""
    with open(path, errors="replace") as trace:
        for line in trace:
            found = EVENT.match(line)
            if found:
                yield float(found[1]) * 1000, found[2], found[3].strip()


def stamps(path):
    """When a boot passed each point, in Minsn since its exec."""
    at = {}
    for when, event, words in events(path):
        mark = MARK.match(words) if event == "kvm_pio" else None
        if event == "tracing_mark_write":
            at[words] = when
        elif event == "kvm_entry":
            at.setdefault("first_entry", when)
        elif mark:
            at.setdefault(MARK_NAMES[mark[1]], when)
    for point in ("exec", "init", "ready", "exit"):
        if point not in at:
            raise SystemExit(f"boot_figures: {path} lacks the point '{point}'; the boot did not pass it or the trace is cut")
    return {point: when - at["exec"] for point, when in at.items()}


def exits_until_ready(path):
    """Exits of the guest by reason, from its start to the ready mark."""
    count = collections.Counter()
    for _, event, words in events(path):
        if event == "kvm_exit":
            count[REASON.search(words)[1]] += 1
        elif event == "kvm_pio" and "val 0x61" in words and MARK.match(words):
            break
    return count


def spread_percent(values):
    return (max(values) - min(values)) / statistics.median(values) * 100


def measure(system, runs):
    """The object of one system."""
    medians = []
    for run in runs:
        boots = [stamps(path) for path in sorted(run.glob(f"{system}.timed.*.trace"))]
        medians.append({point: statistics.median(boot[point] for boot in boots) for point in ("init", "ready", "exit")})
    traced = [run / f"{system}.exits.1.trace" for run in runs]
    middle = {point: statistics.median(run[point] for run in medians) for point in medians[0]}
    # No exit comes before the first entry, so the trace of all exits has not moved it.
    first_entry = statistics.median(stamps(path)["first_entry"] for path in traced)
    by_reason = exits_until_ready(traced[0])
    return {
        "exec_to_ready_minsn": round(middle["ready"], 3),
        "exec_to_exit_minsn": round(middle["exit"], 3),
        "exec_to_first_entry_minsn": round(first_entry, 3),
        "first_entry_to_init_minsn": round(middle["init"] - first_entry, 3),
        "init_to_ready_minsn": round(middle["ready"] - middle["init"], 3),
        "exits": sum(by_reason.values()),
        "exits_by_reason": dict(by_reason.most_common()),
        "runs_exec_to_ready_minsn": [round(run["ready"], 3) for run in medians],
        "spread_percent": round(spread_percent([run["ready"] for run in medians]), 4),
    }


def print_table(figures, systems):
    rows = (
        ("exec to ready", "exec_to_ready_minsn"),
        ("  exec to first entry", "exec_to_first_entry_minsn"),
        ("  first entry to init", "first_entry_to_init_minsn"),
        ("  init to ready", "init_to_ready_minsn"),
        ("exec to exit", "exec_to_exit_minsn"),
    )
    print(f"{'Minsn':24}" + "".join(f"{system:>14}" for system in systems))
    for label, key in rows:
        print(f"{label:24}" + "".join(f"{figures[system][key]:14.2f}" for system in systems))
    print(f"{'spread of runs, %':24}" + "".join(f"{figures[system]['spread_percent']:14.3f}" for system in systems))
    print(f"{'exits until ready':24}" + "".join(f"{figures[system]['exits']:14d}" for system in systems))
    reasons = collections.Counter()
    for system in systems:
        reasons.update(figures[system]["exits_by_reason"])
    for reason, _ in reasons.most_common():
        counts = (figures[system]["exits_by_reason"].get(reason, 0) for system in systems)
        print(f"  {reason:22}" + "".join(f"{count:14d}" for count in counts))
    if "ratio" in figures:
        print(f"mayfly takes {figures['ratio']:.3f} of QEMU microvm's exec to ready")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    systems = [system for system in SYSTEMS if any(options.runs[0].glob(f"{system}.timed.*.trace"))]
    figures = {system: measure(system, options.runs) for system in systems}
    ready = {system: figures[system]["exec_to_ready_minsn"] for system in systems}
    if "qemu-microvm" in ready:
        figures["ratio"] = round(ready["mayfly"] / ready["qemu-microvm"], 4)
    figures["spread_percent"] = max(figures[system]["spread_percent"] for system in systems)
    print_table(figures, systems)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
