#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/exec from the traces that l1/boots leaves.

    exec_figures.py [--json FILE] RUN_DIRECTORY...
"""
import argparse
import json
import pathlib
import statistics

from boot_figures import events, spread_percent

SYSTEMS = ("mayfly-exec", "mayfly-run")


def minsn_of(path):
    """From exec of mayfly to its end."""
    at = {words: when for when, event, words in events(path) if event == "tracing_mark_write"}
    if not {"exec", "exit"} <= at.keys():
        raise SystemExit(f"exec_figures: {path} is cut: it has not both ends of the call")
    return at["exit"] - at["exec"]


def exits_of(path):
    """Exits of guests between the two."""
    count = 0
    is_running = False
    for _, event, words in events(path):
        if event == "tracing_mark_write":
            is_running = words == "exec"
        elif event == "kvm_exit" and is_running:
            count += 1
    return count


def measure(system, runs):
    """The object of one system."""
    medians = [statistics.median(minsn_of(path) for path in run.glob(f"{system}.timed.*.trace")) for run in runs]
    return {
        "minsn_per_call": round(statistics.median(medians), 3),
        "exits_per_call": exits_of(runs[0] / f"{system}.exits.1.trace"),
        "runs_minsn": [round(value, 3) for value in medians],
        "spread_percent": round(spread_percent(medians), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    figures = {system: measure(system, options.runs) for system in SYSTEMS}
    print(f"{'a call of /bin/true':20}{'Minsn':>10}{'exits':>8}{'spread, %':>12}")
    for system, values in figures.items():
        print(f"{system:20}{values['minsn_per_call']:10.2f}{values['exits_per_call']:8d}{values['spread_percent']:12.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
