# SPDX-License-Identifier: Apache-2.0
"""Judges what a kernel traced while devices were opened and memory was mapped for them: prints "once", or what is wrong.

    map_trace.py TRACE BYTES RESETS

Each byte of [0, BYTES), and no other, is mapped once and at most once unmapped; there are RESETS resets, all at one time. The
trace has the events iommu:map and iommu:unmap, and reset_begin and reset_end by kprobes.
"""
import re
import sys

LINE = re.compile(r"^ *\S.*-(\d+) +\[\d+\] +\S+ +(\d+\.\d+): (map|unmap|reset_begin|reset_end): ?(.*)$")
RANGE = re.compile(r"iova=0x([0-9a-f]+) - 0x([0-9a-f]+)")


def events_of(path):
    with open(path, encoding="ascii", errors="replace") as trace:
        for line in trace:
            if match := LINE.match(line):
                thread, at, name, rest = match.groups()
                yield int(thread), float(at), name, rest


def without_trial(events):
    """VFIO first maps two pages and unmaps one, to learn what that does (vfio_iommu_type1.c, vfio_test_domain_fgsp)."""
    maps = [at for at, event in enumerate(events) if event[2] == "map"]
    if len(maps) < 2 or ranges_of([events[maps[0]]], "map") != [(0, 2 * 4096)]:
        return events
    return [event for at, event in enumerate(events) if at >= maps[1] or event[2] not in ("map", "unmap")]


def ranges_of(events, name):
    return sorted(tuple(int(end, 16) for end in RANGE.search(rest).groups()) for _, _, what, rest in events if what == name)


def overlap(ranges):
    return next((f"{second[0]:#x} twice" for first, second in zip(ranges, ranges[1:]) if first[1] > second[0]), "")


def resets_of(events):
    """[(begin, end)]: a thread resets one device at a time."""
    begun, resets = {}, []
    for thread, at, name, _ in events:
        if name == "reset_begin":
            begun[thread] = at
        elif name == "reset_end":
            resets.append((begun.pop(thread), at))
    return resets


def judge(events, memory, count):
    mapped = ranges_of(events, "map")
    if twice := overlap(mapped):
        return f"mapped: {twice}"
    if twice := overlap(ranges_of(events, "unmap")):
        return f"unmapped: {twice}"
    bytes_mapped = sum(end - start for start, end in mapped)
    if bytes_mapped != memory or mapped[0][0] != 0 or mapped[-1][1] != memory:
        return f"mapped are {bytes_mapped:#x} bytes of {memory:#x}"
    resets = resets_of(events)
    if len(resets) != count:
        return f"{len(resets)} resets, not {count}"
    begin, end = max(begin for begin, _ in resets), min(end for _, end in resets)
    if begin >= end:
        return f"one after the other: {resets}"
    return "once"


print(judge(without_trial(list(events_of(sys.argv[1]))), int(sys.argv[2]), int(sys.argv[3])))
