#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/pool from the traces that l1/boots leaves.

    pool_figures.py [--json FILE] --size SIZE RUN_DIRECTORY
"""
import argparse
import json
import pathlib

import boot_figures

SYSTEMS = ("mayfly-pool", "mayfly-prefault", "mayfly-lazy")
ROWS = (("exec to first entry, Minsn", "exec_to_first_entry_minsn"), ("exec to ready, Minsn", "exec_to_ready_minsn"),
        ("exits until ready", "exits"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--size", required=True)
    parser.add_argument("run", type=pathlib.Path)
    options = parser.parse_args()
    measured = {system: boot_figures.measure(system, [options.run]) for system in SYSTEMS}
    figures = {system: {key: measured[system][key] for _, key in ROWS} for system in SYSTEMS}
    print(f"{options.size + ' of 2 MiB pages':28}" + "".join(f"{system:>16}" for system in SYSTEMS))
    for label, key in ROWS:
        print(f"{label:28}" + "".join(f"{figures[system][key]:16}" for system in SYSTEMS))
    ratio = figures["mayfly-prefault"]["exec_to_first_entry_minsn"] / figures["mayfly-pool"]["exec_to_first_entry_minsn"]
    print(f"to the first entry the pool takes {ratio:.1f} times fewer instructions than --prefault all")
    if options.json:
        options.json.write_text(json.dumps({"size": options.size, "ratio": round(ratio, 2), **figures}, indent=2) + "\n")


main()
