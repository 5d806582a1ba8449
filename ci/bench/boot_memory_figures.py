#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot_memory from the traces that l1/boots leaves.

    boot_memory_figures.py [--json FILE] [--plot FILE] RUN_DIRECTORY SIZE...
"""
import boot_figures
import curves

SYSTEMS = ("mayfly", "qemu-microvm")


def main():
    options = curves.options_of(__doc__.splitlines()[0])
    figures = {system: {} for system in SYSTEMS}
    print(f"{'exec to ready, Minsn':24}" + "".join(f"{system:>14}" for system in SYSTEMS))
    for size in options.sizes:
        for system in SYSTEMS:
            measured = boot_figures.measure(f"{system}@{size}", [options.run])
            figures[system][f"exec_to_ready_minsn_{size.lower()}"] = measured["exec_to_ready_minsn"]
            figures[system][f"exits_{size.lower()}"] = measured["exits"]
        print(f"{size:24}" + "".join(f"{figures[system][f'exec_to_ready_minsn_{size.lower()}']:14.2f}" for system in SYSTEMS))
    curves.write_results(options, figures)


main()
