#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/io from the traces that l1/boots leaves.

    io_figures.py [--json FILE] RUN_DIRECTORY...
"""
import argparse
import json
import pathlib
import statistics

from boot_figures import EVENT, WORK_MARK, spread_percent

# As in io_load.cpp: the work's name, its unit, how many units there are. The marks are its place in this list doubled, and
# one more at its end.
WORKS = (
    ("net_send", "MiB", 16),
    ("net_receive", "MiB", 16),
    ("disk_read", "MiB", 32),
    ("disk_write", "MiB", 32),
    ("disk_random_read", "4 KiB", 1000),
)


def works_of(path):
    """For each work [Minsn, exits of the guest, exits to the VMM] of one boot."""
    at = {}
    exits = to_vmm = 0
    with open(path, errors="replace") as trace:
        for line in trace:
            found = EVENT.match(line)
            if not found:
                continue
            event, words = found[2], found[3]
            if event == "kvm_exit":
                exits += 1
            elif event == "kvm_userspace_exit":
                to_vmm += 1
            elif event == "kvm_cpuid" and (mark := WORK_MARK.search(words)):
                at[int(mark[1], 16)] = (float(found[1]) * 1000, exits, to_vmm)
    if len(at) != 2 * len(WORKS):
        raise SystemExit(f"io_figures: {path} lacks marks of the load; it did not end or the trace is cut")
    return {name: [end - begin for begin, end in zip(at[2 * number], at[2 * number + 1])] for number, (name, _, _) in enumerate(WORKS)}


def measure(system, runs):
    """The object of one system: an object for each work."""
    medians = []
    for run in runs:
        boots = [works_of(path) for path in run.glob(f"{system}.timed.*.trace")]
        medians.append({name: statistics.median(boot[name][0] for boot in boots) for name, _, _ in WORKS})
    traced = works_of(runs[0] / f"{system}.exits.1.trace")
    return {
        name: {
            "minsn": round(statistics.median(run[name] for run in medians) / units, 4),
            "exits": round(traced[name][1] / units, 3),
            "exits_to_vmm": round(traced[name][2] / units, 3),
            "spread_percent": round(spread_percent([run[name] for run in medians]), 3),
        }
        for name, _, units in WORKS
    }


def ratios(figures, own, peers):
    """By work, what mayfly takes of what the best of the peers does."""
    return {name: round(figures[own][name]["minsn"] / min(figures[peer][name]["minsn"] for peer in peers), 4) for name, _, _ in WORKS}


def print_table(figures, systems):
    for name, unit, _ in WORKS:
        print(f"{name.replace('_', ' ')}, for each {unit}")
        print(f"  {'':24}{'Minsn':>10}{'exits':>9}{'to VMM':>9}{'spread, %':>11}")
        for system in systems:
            values = figures[system][name]
            print(f"  {system:24}{values['minsn']:10.4f}{values['exits']:9.2f}{values['exits_to_vmm']:9.2f}{values['spread_percent']:11.2f}")
        for ratio, whose in ("ratio", "the best QEMU's"), ("ratio_vhost", "QEMU's, both with vhost"):
            if ratio in figures:
                print(f"  mayfly takes {figures[ratio][name]:.3f} of {whose}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    systems = sorted({path.name.partition(".")[0] for path in options.runs[0].glob("*.exits.1.trace")},
                     key=lambda system: (system != "mayfly", system))
    figures = {system: measure(system, options.runs) for system in systems}
    peers = [system for system in systems if system.startswith("qemu") and not system.endswith("-vhost")]
    if peers:
        figures["ratio"] = ratios(figures, "mayfly", peers)
    if {"mayfly-vhost", "qemu-microvm-vhost"} <= set(systems):
        figures["ratio_vhost"] = ratios(figures, "mayfly-vhost", ["qemu-microvm-vhost"])
    print_table(figures, systems)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
