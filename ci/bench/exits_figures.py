#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/exits from the traces that l1/boots leaves.

    exits_figures.py [--json FILE] RUN_DIRECTORY...     each named by the guests' vCPUs
"""
import argparse
import collections
import json
import pathlib
import re
import statistics

from boot_figures import REASON, WORK_MARK

SYSTEMS = ("mayfly", "qemu-microvm-stock", "qemu-microvm")
# As in exits_load.cpp: the load's name, its unit, how many units there are. The marks are its place in this list doubled, and
# one more at its end.
LOADS = (
    ("memcached", "request", 2000),
    ("cyclic", "sleep", 500),
    ("hackbench", "message", 10000),
    ("ping_pong", "round trip", 2000),
    ("served", "request", 2000),
    ("idle", "second", 2),
)
# The processor, seconds, event and words of a line.
EVENT = re.compile(r"^.{16}-\d+\s+\[(\d+)\] \S+\s+(\d+\.\d+): (\w+): (.*)$")
PROCESSORS = re.compile(r"^#.* #P:(\d+)$")
LATE = re.compile(r"^late: (-?\d+) (-?\d+) (-?\d+) (-?\d+)", re.MULTILINE)
TIMER_VECTOR = re.compile(r"vec (?:236|0xec|ec) ")
# The deadline, and configurations and counts of Hyper-V's four timers.
TIMER_MSRS = {"6e0"} | {f"400000b{number}" for number in range(8)}
MSR_X2APIC_ICR = "830"
HYPERCALL_SEND_IPI = "0xa"
# In the order of the table.
KEYS = (
    ("exits", "exits"),
    ("timer_write_exits", "timer writes"),
    ("timers_fired", "timers fired"),
    ("ipi_exits", "IPI exits"),
    ("halts", "halts"),
    ("cpu_us", "CPU, us"),
    ("us", "time, us"),
)


def kind_of(event, words):
    """Which of KEYS an event counts for besides the exit itself, or None."""
    if event == "kvm_msr":
        number = words.split()[1]
        if number in TIMER_MSRS:
            return "timer_write_exits"
        return "ipi_exits" if number == MSR_X2APIC_ICR else None
    if event == "kvm_hypercall":
        return "ipi_exits" if words.split()[1] == HYPERCALL_SEND_IPI else None
    if event == "kvm_apic_accept_irq":
        return "timers_fired" if TIMER_VECTOR.search(words) and "coalesced" not in words else None
    if event == "kvm_exit":
        return "halts" if REASON.search(words)[1] in ("hlt", "HLT") else None
    return None


class Processors:
    """How long those of L1 were not idle."""

    def __init__(self):
        self.count = 0
        self.idle_since = {}
        self.idle = 0.0

    def switch(self, processor, when, words):
        if " prev_pid=0 " in f" {words}":
            self.idle += when - self.idle_since.pop(processor, when)
        if " next_pid=0 " in f" {words}":
            self.idle_since[processor] = when

    def busy_until(self, when):
        """Seconds, from a beginning that is the same each time."""
        return self.count * when - self.idle - sum(when - since for since in self.idle_since.values())


def loads_of(path):
    """For each load how often each of KEYS happened in one boot, and the microseconds that it took."""
    counts = {}
    current = None
    marks = 0
    processors = Processors()
    with open(path, errors="replace") as trace:
        for line in trace:
            found = EVENT.match(line)
            if not found:
                if head := PROCESSORS.match(line):
                    processors.count = int(head[1])
                continue
            when, event, words = float(found[2]), found[3], found[4]
            if event == "sched_switch":
                processors.switch(found[1], when, words)
            elif event == "kvm_cpuid" and (mark := WORK_MARK.search(words)):
                marks += 1
                number = int(mark[1], 16)
                load = counts.setdefault(LOADS[number // 2][0], collections.Counter())
                sign = -1 if number % 2 == 0 else 1
                load["us"] += sign * when * 1e6
                load["cpu_us"] += sign * processors.busy_until(when) * 1e6
                current = load if number % 2 == 0 else None
            elif current is not None:
                if event == "kvm_exit":
                    current["exits"] += 1
                if kind := kind_of(event, words):
                    current[kind] += 1
    if marks != 2 * len(LOADS):
        raise SystemExit(f"exits_figures: {path} lacks marks of the load; it did not end or the trace is cut")
    return counts


def lateness_of(paths):
    """Nanoseconds by which the sleeps of the cyclic load ended late, or None where the guest's words are not kept."""
    for path in paths:
        if found := LATE.search(path.read_text(errors="replace")):
            return dict(zip(("least", "median", "percentile_99", "most"), map(int, found.groups())))
    return None


def measure(system, run):
    """The object of one system: an object for each load."""
    boots = [loads_of(path) for path in run.glob(f"{system}.exits.*.trace")]
    figures = {}
    for name, _, units in LOADS:
        figures[name] = {}
        for key, _ in KEYS:
            values = [boot[name][key] / units for boot in boots]
            figures[name][f"{key}_per_request"] = round(statistics.median(values), 3)
            figures[name][f"{key}_per_request_range"] = [round(min(values), 3), round(max(values), 3)]
        fired = figures[name]["timers_fired_per_request"]
        figures[name]["timer_writes_per_timer_fired"] = round(figures[name]["timer_write_exits_per_request"] / fired, 2) if fired else None
    figures["cyclic"]["late_ns"] = lateness_of(sorted(run.glob(f"{system}.exits.*.output")))
    return figures


def significant(value):
    """Four significant digits, or all that are before the point: no exponent."""
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def print_table(cpus, figures):
    print(f"guests of {cpus} vCPUs" if cpus != "1" else "guests of one vCPU")
    for name, unit, _ in LOADS:
        print(f" {name.replace('_', ' ')}, for each {unit}")
        print(f"  {'':20}" + "".join(f"{title:>24}" for _, title in KEYS))
        for system, loads in figures.items():
            cells = []
            for key, _ in KEYS:
                low, high = loads[name][f"{key}_per_request_range"]
                cells.append(f"{significant(loads[name][f'{key}_per_request'])} ({significant(low)} to {significant(high)})")
            print(f"  {system:20}" + "".join(f"{cell:>24}" for cell in cells))
    for system, loads in figures.items():
        if late := loads["cyclic"]["late_ns"]:
            print(f" {system}'s sleeps end late by: " + ", ".join(f"{value / 1000:.1f} us {name}" for name, value in late.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    figures = {}
    for run in options.runs:
        measured = {system: measure(system, run) for system in SYSTEMS if any(run.glob(f"{system}.exits.*.trace"))}
        print_table(run.name, measured)
        for system, loads in measured.items():
            figures.setdefault(system, {})[f"cpus_{run.name}"] = loads
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


main()
