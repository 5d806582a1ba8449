#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot_kinds from the traces that l1/boots leaves.

    boot_kinds_figures.py [--json FILE] [--check] RUN_DIRECTORY KIND...

With --check it ends with status 1 where a promise is not kept, naming it.
"""
import argparse
import json
import pathlib
import sys

import boot_figures

GENERAL_RATIO_MAX = 1.6
IMAGES_SPREAD_PERCENT_MAX = 5


def broken_promises(figures):
    """A sentence for each."""
    ready = {kind: figure["exec_to_ready_minsn"] for kind, figure in figures["kinds"].items()}
    if figures["general_ratio"] > GENERAL_RATIO_MAX:
        yield f"general takes {figures['general_ratio']} times as much as faas, at most {GENERAL_RATIO_MAX} is promised"
    if ready["trusted"] >= ready["faas"]:
        yield f"trusted takes {ready['trusted']} Minsn, no less than faas with its {ready['faas']}"
    if figures["images_spread_percent"] > IMAGES_SPREAD_PERCENT_MAX:
        yield f"images differ by {figures['images_spread_percent']} %, at most {IMAGES_SPREAD_PERCENT_MAX} % is promised"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("kinds", nargs="+")
    options = parser.parse_args()
    kinds = {kind: boot_figures.measure(kind, [options.run]) for kind in options.kinds}
    images = [figure["exec_to_ready_minsn"] for kind, figure in kinds.items() if kind.startswith("image-")]
    figures = {
        "kinds": kinds,
        "general_ratio": round(kinds["general"]["exec_to_ready_minsn"] / kinds["faas"]["exec_to_ready_minsn"], 3),
        "images_spread_percent": round((max(images) / min(images) - 1) * 100, 2),
    }
    print(f"{'':16}{'exec to ready, Minsn':>22}{'exits':>8}")
    for kind, figure in kinds.items():
        print(f"{kind:16}{figure['exec_to_ready_minsn']:22.2f}{figure['exits']:8d}")
    print(f"general takes {figures['general_ratio']} times as much as faas; images differ by {figures['images_spread_percent']} %")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    broken = list(broken_promises(figures)) if options.check else []
    for sentence in broken:
        print(f"boot_kinds: {sentence}", file=sys.stderr)
    return 1 if broken else 0


sys.exit(main())
