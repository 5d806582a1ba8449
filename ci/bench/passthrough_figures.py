#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/passthrough from the traces and timelines that l1/boots leaves.

    passthrough_figures.py [--json FILE] [--plot FILE] RUN_DIRECTORY SIZE...
"""
import json
import statistics

import boot_figures
import curves

SYSTEMS = ("mayfly", "mayfly-brokered", "mayfly-pooled", "mayfly-kept", "mayfly-balloon", "mayfly-eager",
           "mayfly-no-device", "mayfly-no-device-pooled", "qemu-q35-vfio")


def timelines_of(system, run):
    return [json.loads(path.read_text()) for path in run.glob(f"{system}.timed.*.json")]


def openings_minsn(timelines):
    """How long devices took to open: resets, which mostly sleep. Without devices there is none."""
    return [(phase["end_ns"] - phase["begin_ns"]) / 1e6
            for timeline in timelines for phase in timeline["phases"] if phase["name"] == "open_devices"]


def measure(name, size, run):
    """{figure: median} of one system at one size."""
    figures = {}
    if reads := boot_figures.boots_of(f"{name}-reads@{size}", run):
        figures["exec_to_first_read_minsn"] = statistics.median(boot["workload_exit"] for boot in reads)
    system = f"{name}@{size}"
    if boots := boot_figures.boots_of(system, run):
        figures["exec_to_ready_minsn"] = statistics.median(boot["ready"] for boot in boots)
    timelines = timelines_of(system, run)
    # Of a guest that ends before that there is none.
    mapped = [timeline["spans"].get("exec_to_fully_mapped_ns") for timeline in timelines]
    if mapped and None not in mapped:
        figures["fully_mapped_minsn"] = statistics.median(mapped) / 1e6
    if openings := openings_minsn(timelines):
        figures["open_devices_minsn"] = statistics.median(openings)
    return {key: round(value, 2) for key, value in figures.items()}


def print_table(title, key, figures, sizes):
    print(f"{title:32}" + "".join(f"{size:>10}" for size in sizes))
    for system in figures:
        values = [figures[system].get(f"{key}_{size.lower()}") for size in sizes]
        if any(values):
            print(f"  {system:30}" + "".join(f"{'-' if value is None else f'{value:.1f}':>10}" for value in values))


def main():
    options = curves.options_of(__doc__.splitlines()[0])
    figures = {system: {f"{key}_{size.lower()}": value
                        for size in options.sizes for key, value in measure(system, size, options.run).items()}
               for system in SYSTEMS if any(options.run.glob(f"{system}@*")) or any(options.run.glob(f"{system}-reads@*"))}
    print_table("exec to ready, Minsn", "exec_to_ready_minsn", figures, options.sizes)
    print_table("exec to all memory mapped, Minsn", "fully_mapped_minsn", figures, options.sizes)
    print_table("exec to the first read, Minsn", "exec_to_first_read_minsn", figures, options.sizes)
    print_table("of it devices' opening, Minsn", "open_devices_minsn", figures, options.sizes)
    curves.write_results(options, figures)


main()
