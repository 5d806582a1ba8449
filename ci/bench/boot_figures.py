#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot from the traces that l1/boots leaves.

    boot_figures.py [--json FILE] [--wall] [--native FILE] [--most RATIO] RUN_DIRECTORY...

With --most it fails when the ratio, or with --wall the upper end of its interval, is higher. With --wall the figures are milliseconds, and ratios come with an interval. FILE of --native is what bench-first-entry
prints: microseconds of mayfly and of QEMU's microvm, a line a round.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import statistics

SYSTEMS = ("mayfly", "qemu-microvm", "qemu-q35")
# comm-pid [cpu] flags seconds: event: words
EVENT = re.compile(r"^.{16}-\d+\s+\[\d+\] \S+\s+(\d+\.\d+): (\w+): (.*)$")
MARK = re.compile(r"pio_write at 0x80 size 1 count 1 val 0x(60|61|62)\b")
# Of marks.hpp, in guests that have no port to write to.
WORK_MARK = re.compile(r"func 4d4600([0-9a-f]{2}) ")
MARK_NAMES = {"60": "init", "61": "ready", "62": "workload_exit"}
REASON = re.compile(r"reason (.*?)\s+rip ")


def events(path):
    """Each event of a trace file as (Minsn or milliseconds since L1's start, event, words)."""
    with open(path, errors="replace") as trace:
        for line in trace:
            found = EVENT.match(line)
            if found:
                yield float(found[1]) * 1000, found[2], found[3].strip()


def stamps(path):
    """When a boot passed each point, in Minsn or milliseconds since its exec."""
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


def ratio_interval(ours, theirs):
    """The ratio of the medians of boots that took turns, and where 95 % of resampled ones lie."""
    chance = random.Random(7)
    rounds = list(zip(ours, theirs))
    resampled = []
    for _ in range(2000):
        drawn = chance.choices(rounds, k=len(rounds))
        resampled.append(statistics.median(our for our, _ in drawn) / statistics.median(their for _, their in drawn))
    resampled.sort()
    return (round(statistics.median(ours) / statistics.median(theirs), 4),
            [round(resampled[50], 4), round(resampled[-51], 4)])


def boots_of(system, run):
    paths = run.glob(f"{system}.timed.*.trace")
    return [stamps(path) for path in sorted(paths, key=lambda path: int(path.name.split(".")[-2]))]


def measure(system, runs, unit="minsn"):
    """The object of one system."""
    medians = [{point: statistics.median(boot[point] for boot in boots_of(system, run)) for point in ("init", "ready", "exit")}
               for run in runs]
    traced = [run / f"{system}.exits.1.trace" for run in runs]
    middle = {point: statistics.median(run[point] for run in medians) for point in medians[0]}
    # No exit comes before the first entry, so the trace of all exits has not moved it.
    first_entry = statistics.median(stamps(path)["first_entry"] for path in traced)
    by_reason = exits_until_ready(traced[0])
    return {
        f"exec_to_ready_{unit}": round(middle["ready"], 3),
        f"exec_to_exit_{unit}": round(middle["exit"], 3),
        f"exec_to_first_entry_{unit}": round(first_entry, 3),
        f"kernel_to_init_{unit}": round(middle["init"] - first_entry, 3),
        f"init_to_ready_{unit}": round(middle["ready"] - middle["init"], 3),
        "exits": sum(by_reason.values()),
        "exits_by_reason": dict(by_reason.most_common()),
        f"runs_exec_to_ready_{unit}": [round(run["ready"], 3) for run in medians],
        "spread_percent": round(spread_percent([run["ready"] for run in medians]), 4),
    }


def print_table(figures, systems, unit):
    rows = (
        ("exec to ready", "exec_to_ready"),
        ("  exec to first entry", "exec_to_first_entry"),
        ("  kernel to init", "kernel_to_init"),
        ("  init to ready", "init_to_ready"),
        ("exec to exit", "exec_to_exit"),
    )
    print(f"{'Minsn' if unit == 'minsn' else 'ms':24}" + "".join(f"{system:>14}" for system in systems))
    for label, key in rows:
        print(f"{label:24}" + "".join(f"{figures[system][f'{key}_{unit}']:14.2f}" for system in systems))
    print(f"{'spread of runs, %':24}" + "".join(f"{figures[system]['spread_percent']:14.3f}" for system in systems))
    print(f"{'exits until ready':24}" + "".join(f"{figures[system]['exits']:14d}" for system in systems))
    reasons = collections.Counter()
    for system in systems:
        reasons.update(figures[system]["exits_by_reason"])
    for reason, _ in reasons.most_common():
        counts = (figures[system]["exits_by_reason"].get(reason, 0) for system in systems)
        print(f"  {reason:22}" + "".join(f"{count:14d}" for count in counts))
    if "ratio" in figures:
        print(f"mayfly takes {figures['ratio']:.3f} of QEMU microvm's exec to ready"
              + (f" ({figures['ratio_interval'][0]:.3f} to {figures['ratio_interval'][1]:.3f})" if "ratio_interval" in figures else ""))
        print(f"  {figures['kernel_to_init_ratio']:.3f} of its kernel to init, {figures['exits_ratio']:.3f} of its exits")
    if "exec_to_first_entry_ratio" in figures:
        low, high = figures["exec_to_first_entry_interval"]
        print(f"on this machine, {figures['mayfly']['native_exec_to_first_entry_ms']:.1f} against "
              f"{figures['qemu-microvm']['native_exec_to_first_entry_ms']:.1f} ms from exec to the first entry: "
              f"{figures['exec_to_first_entry_ratio']:.3f} ({low:.3f} to {high:.3f})")


def add_native(figures, path):
    ours, theirs = zip(*(map(float, line.split()) for line in path.read_text().splitlines()))
    figures["mayfly"]["native_exec_to_first_entry_ms"] = round(statistics.median(ours) / 1000, 3)
    figures.setdefault("qemu-microvm", {})["native_exec_to_first_entry_ms"] = round(statistics.median(theirs) / 1000, 3)
    figures["exec_to_first_entry_ratio"], figures["exec_to_first_entry_interval"] = ratio_interval(ours, theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--native", type=pathlib.Path)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--most", type=float)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    unit = "ms" if options.wall else "minsn"
    systems = [system for system in SYSTEMS if any(options.runs[0].glob(f"{system}.timed.*.trace"))]
    figures = {system: measure(system, options.runs, unit) for system in systems}
    figures["spread_percent"] = max(figures[system]["spread_percent"] for system in systems)
    if "qemu-microvm" in systems:
        ours, theirs = figures["mayfly"], figures["qemu-microvm"]
        figures["ratio"] = round(ours[f"exec_to_ready_{unit}"] / theirs[f"exec_to_ready_{unit}"], 4)
        figures["kernel_to_init_ratio"] = round(ours[f"kernel_to_init_{unit}"] / theirs[f"kernel_to_init_{unit}"], 4)
        figures["exits_ratio"] = round(ours["exits"] / theirs["exits"], 4)
    if options.wall and "ratio" in figures:
        ready = [[boot["ready"] for run in options.runs for boot in boots_of(system, run)] for system in ("mayfly", "qemu-microvm")]
        figures["ratio"], figures["ratio_interval"] = ratio_interval(*ready)
    if options.native:
        add_native(figures, options.native)
    print_table(figures, systems, unit)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    highest = figures["ratio_interval"][1] if options.wall and "ratio" in figures else figures.get("ratio", 0)
    if options.most is not None and highest > options.most:
        raise SystemExit(f"boot_figures: mayfly may take {highest} of QEMU microvm's exec to ready; at most {options.most} is asked for")


if __name__ == "__main__":
    main()
