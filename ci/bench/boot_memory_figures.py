#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot_memory from the traces that l1/boots leaves.

    boot_memory_figures.py [--json FILE] [--plot FILE] RUN_DIRECTORY SIZE...
"""
import argparse
import json
import pathlib

import boot_figures
import curves

SYSTEMS = ("mayfly", "qemu-microvm")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("sizes", nargs="+")
    options = parser.parse_args()
    figures = {system: {} for system in SYSTEMS}
    print(f"{'exec to ready, Minsn':24}" + "".join(f"{system:>14}" for system in SYSTEMS))
    for size in options.sizes:
        for system in SYSTEMS:
            measured = boot_figures.measure(f"{system}@{size}", [options.run])
            figures[system][f"exec_to_ready_minsn_{size.lower()}"] = measured["exec_to_ready_minsn"]
            figures[system][f"exits_{size.lower()}"] = measured["exits"]
        print(f"{size:24}" + "".join(f"{figures[system][f'exec_to_ready_minsn_{size.lower()}']:14.2f}" for system in SYSTEMS))
    if options.plot:
        ready = {system: [(curves.gib(size), figures[system][f"exec_to_ready_minsn_{size.lower()}"]) for size in options.sizes]
                 for system in SYSTEMS}
        options.plot.write_text(curves.drawing(ready))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


main()
