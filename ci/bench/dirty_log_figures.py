#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/dirty_log from what l1/dirty_log leaves.

    dirty_log_figures.py [--json FILE] --vcpus N --writes N DIRECTORY
"""
import argparse
import json
import pathlib
import re
import statistics

LOGS = {"off": "no log", "ring": "mayfly's rings", "small": "small rings", "bitmap": "KVM's bitmap"}
WORDS = re.compile(r"begin (\d+) end (\d+) rounds (\d+) told (\d+)\n")
# The thread, seconds, event and words of a line.
EVENT = re.compile(r"^.{16}-(\d+)\s+\[\d+\] \S+\s+(\d+\.\d+): (\w+)(?:\(|: )(.*)$")
FUTEX_WAIT = re.compile(r"op: (?:0x)?(?:0|9|80|89)\b")
ROWS = (
    ("ns for each write of a vCPU", "ns_per_write", ".1f"),
    ("looks", "rounds", "d"),
    ("pages that were told of", "told", "d"),
    ("ns for each page beyond no log", "ns_per_page", "d"),
    ("traced: exits", "exits", "d"),
    ("  of them page faults", "page_faults", "d"),
    ("waits of vCPUs for a lock", "lock_waits", "d"),
    ("  us in all", "lock_wait_us", ".1f"),
    ("  us at most", "lock_wait_most_us", ".1f"),
    ("waits of vCPUs for the VMM", "vmm_waits", "d"),
)


def read_words(path):
    found = WORDS.fullmatch(path.read_text())
    if not found:
        raise SystemExit(f"dirty_log_figures: {path} is not what mayfly-dirty-log-bench prints")
    begin, end, rounds, told = map(int, found.groups())
    return {"took": end - begin, "rounds": rounds, "told": told}


def read_trace(path):
    """What the vCPUs' threads did."""
    figures = {"exits": 0, "page_faults": 0, "vmm_waits": 0}
    since = {}
    waits = []
    with open(path, errors="replace") as trace:
        for line in trace:
            found = EVENT.match(line)
            if not found:
                continue
            thread, when, event, words = found[1], float(found[2]), found[3], found[4]
            if event == "kvm_exit":
                figures["exits"] += 1
            elif event == "kvm_page_fault":
                figures["page_faults"] += 1
            elif event == "sys_futex" and FUTEX_WAIT.search(words):
                figures["vmm_waits"] += 1
            elif event == "contention_begin":
                since[thread] = when
            elif event == "contention_end" and thread in since:
                waits.append((when - since.pop(thread)) * 1e6)
    if figures["exits"] == 0:
        raise SystemExit(f"dirty_log_figures: {path} has no exit of a vCPU; the trace is cut")
    return figures | {"lock_waits": len(waits), "lock_wait_us": round(sum(waits), 1), "lock_wait_most_us": round(max(waits, default=0), 1)}


def runs_of(log, directory):
    return [read_words(path) for path in sorted(directory.glob(f"{log}.[1-9]*.words"))]


def measure(log, directory, writes, without):
    """The object of one log; without one it took `without` ns."""
    runs = runs_of(log, directory)
    figures = {key: round(statistics.median(run[key] for run in runs)) for key in ("took", "rounds", "told")}
    if log != "off":
        figures["ns_per_page"] = round(statistics.median((run["took"] - without) / run["told"] for run in runs))
    return {"ns_per_write": round(figures.pop("took") / writes, 1)} | figures | read_trace(directory / f"{log}.trace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--vcpus", type=int, required=True)
    parser.add_argument("--writes", type=int, required=True)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    without = statistics.median(run["took"] for run in runs_of("off", options.directory))
    figures = {log: measure(log, options.directory, options.writes, without) for log in LOGS}
    print(f"{options.vcpus} vCPUs, {options.writes} writes of each".ljust(36) + "".join(f"{name:>16}" for name in LOGS.values()))
    for label, key, form in ROWS:
        print(f"{label:36}" + "".join(f"{figures[log].get(key, 0):16{form}}" for log in LOGS))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
