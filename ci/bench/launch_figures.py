#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/launch from what l1/launches leaves.

    launch_figures.py [--json FILE] [--plot FILE] RESULT...      results are named lab or native, after where they are from
"""
import argparse
import collections
import json
import math
import pathlib

import curves

SYSTEMS = ("mayfly", "qemu-microvm")
KEYS = (("launches_per_second", "launches/s"), ("exec_to_ready_p50_ms", "p50, ms"), ("exec_to_ready_p99_ms", "p99, ms"))
PLACES = {"lab": "the emulated lab, whose milliseconds are no hardware's", "native": "this machine itself"}


def percentile(values, percent):
    """The least value that at least so many percent do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def measure(batches):
    """The object of one system and count: of batches, each [(begin, ready)] in nanoseconds."""
    took = [(ready - begin) / 1e6 for batch in batches for begin, ready in batch]
    seconds = sum(max(ready for _, ready in batch) - min(begin for begin, _ in batch) for batch in batches) / 1e9
    return {
        "launches": len(took),
        "launches_per_second": round(len(took) / seconds, 3),
        "exec_to_ready_p50_ms": round(percentile(took, 50), 3),
        "exec_to_ready_p99_ms": round(percentile(took, 99), 3),
    }


def figures_of(path):
    """{system or ratio: {at_once_N: its object}} of one place."""
    launches = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in path.read_text().splitlines():
        count, system, batch, begin, ready = line.split()
        launches[system, int(count)][int(batch)].append((int(begin), int(ready)))
    figures = {system: {f"at_once_{count}": measure(batches.values()) for (its, count), batches in launches.items() if its == system}
               for system in SYSTEMS}
    ours, theirs = (figures[system] for system in SYSTEMS)
    figures["ratio"] = {at: {key: round(values[key] / theirs[at][key], 4) for key, _ in KEYS} for at, values in ours.items()}
    return figures


def print_table(place, figures):
    print(f"on {PLACES[place]}")
    print(f"{'at once':9}{'':14}" + "".join(f"{label:>12}" for _, label in KEYS))
    for at in figures["mayfly"]:
        for system, values in figures.items():
            digits = 3 if system == "ratio" else 2
            print(f"{at.removeprefix('at_once_'):9}{system:14}" + "".join(f"{values[at][key]:12.{digits}f}" for key, _ in KEYS))


def drawing(place, figures):
    """Launches per second beside exec to ready, of which the scale is logarithmic, against how many are started at once."""
    counts = [int(at.removeprefix("at_once_")) for at in figures["mayfly"]]
    curve = lambda system, key, scale: [(math.log2(2 * count), scale(figures[system][f"at_once_{count}"][key])) for count in counts]
    x_ticks = {math.log2(2 * count): count for count in counts}
    rates = {system: curve(system, "launches_per_second", float) for system in SYSTEMS}
    times = {f"{system} {key[14:17]}": curve(system, key, math.log10) for system in SYSTEMS for key, _ in KEYS[1:]}
    most = max(y for points in rates.values() for _, y in points)
    powers = [math.floor(y) for points in times.values() for _, y in points]
    step = 10 ** math.floor(math.log10(most)) / 2
    rate_ticks = {round(at * step, 6): f"{at * step:g}" for at in range(int(most / step) + 1)}
    time_ticks = {power: f"{10**power:g}" for power in range(min(powers), max(powers) + 1)}
    label = f"launches at once, {'in the emulated lab' if place == 'lab' else 'on this machine itself'}"
    return curves.svg(curves.chart(rates, label, "launches per second", x_ticks, rate_ticks)
                      + curves.chart(times, label, "exec to ready, ms", x_ticks, time_ticks, curves.WIDTH), 2 * curves.WIDTH)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    figures = {path.name: figures_of(path) for path in options.results}
    for place, its in figures.items():
        print_table(place, its)
    if options.plot:
        options.plot.write_text(drawing(*list(figures.items())[-1]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
