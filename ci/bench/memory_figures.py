#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/memory from the memory maps that l1/memory leaves.

    memory_figures.py [--json FILE] --image FILE DIRECTORY
"""
import argparse
import json
import pathlib
import re

SYSTEMS = ("mayfly", "qemu-microvm")
GUEST_RAM_KIB = 512 * 1024
HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ (\S+) (\d+)\s*(.*)$")
FIELD = re.compile(r"^(\w+):\s+(\d+) kB$")


def mappings(path):
    """Each mapping of an smaps file as a dictionary."""
    mapping = None
    for line in path.read_text().splitlines():
        head, field = HEAD.match(line), FIELD.match(line)
        if head:
            if mapping:
                yield mapping
            size = (int(head[2], 16) - int(head[1], 16)) // 1024
            mapping = {"size": size, "writable": "w" in head[3], "name": head[6]}
        elif field:
            mapping[field[1]] = int(field[2])
    if mapping:
        yield mapping


def is_guest_ram(mapping):
    """Guest RAM is one large writable mapping: private anonymous, or a memfd."""
    anonymous = mapping["name"] == "" or mapping["name"].startswith(("/memfd:", "[anon:"))
    return mapping["writable"] and anonymous and mapping["size"] >= 64 * 1024


def split(path, image, guest_ram_kib):
    """The VMM's own mappings, what is resident of guest RAM, and of the image; in KiB."""
    own, guest, guest_size, image_rss = [], 0, 0, 0
    for mapping in mappings(path):
        if is_guest_ram(mapping):
            guest += mapping["Rss"]
            guest_size += mapping["size"]
        elif mapping["name"] == image:
            image_rss += mapping["Rss"]
        else:
            own.append(mapping)
    if guest_size != guest_ram_kib:
        raise SystemExit(f"memory_figures: {path} shows {guest_size} KiB of guest RAM, not {guest_ram_kib}; mend is_guest_ram")
    return own, guest, image_rss


def measure(path, image, guest_ram_kib=GUEST_RAM_KIB):
    """The object of one system, whose guest has so much memory; all in KiB."""
    own, guest, image_rss = split(path, image, guest_ram_kib)
    return {
        "own_rss_kib": sum(mapping["Rss"] for mapping in own),
        "own_pss_kib": sum(mapping["Pss"] for mapping in own),
        "own_anonymous_kib": sum(mapping["Anonymous"] for mapping in own),
        "guest_ram_rss_kib": guest,
        "image_rss_kib": image_rss,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--image", required=True)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    figures = {system: measure(options.directory / f"{system}.smaps", options.image) for system in SYSTEMS}
    print(f"{'KiB':24}" + "".join(f"{system:>14}" for system in SYSTEMS))
    for key in figures[SYSTEMS[0]]:
        print(f"{key.removesuffix('_kib').replace('_', ' '):24}" + "".join(f"{figures[system][key]:14d}" for system in SYSTEMS))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
