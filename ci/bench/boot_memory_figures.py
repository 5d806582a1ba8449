#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the figures of ci/bench/boot_memory from the traces that l1/boots leaves.

    boot_memory_figures.py [--json FILE] [--plot FILE] RUN_DIRECTORY SIZE...
"""
import argparse
import json
import pathlib

import boot_figures

SYSTEMS = ("mayfly", "qemu-microvm")
WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLORS = {"mayfly": "#2a6fbb", "qemu-microvm": "#b0562a"}


def gib(size):
    return int(size[:-1]) / (1024 if size[-1] == "M" else 1)


def ticks(highest):
    """Round numbers up to the highest, some five of them."""
    step = next(step for power in range(7) for step in (10**power, 2 * 10**power, 5 * 10**power) if highest / step <= 6)
    return range(0, int(highest) + 1, step)


def drawing(curves):
    """The curves as SVG: {system: [(GiB, Minsn)]}."""
    right = max(x for curve in curves.values() for x, _ in curve)
    top = max(y for curve in curves.values() for _, y in curve)
    across = lambda x: MARGIN + x / right * (WIDTH - 2 * MARGIN)
    up = lambda y: HEIGHT - MARGIN - y / top * (HEIGHT - 2 * MARGIN)
    text = ('<text x="{:.0f}" y="{:.0f}" text-anchor="{}" font-family="sans-serif" font-size="12" fill="{}">{}</text>').format
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
    for y in ticks(top):
        parts.append(f'<path d="M{MARGIN} {up(y):.1f}H{WIDTH - MARGIN}" stroke="#dddddd"/>')
        parts.append(text(MARGIN - 6, up(y) + 4, "end", "#333333", y))
    for x in ticks(right):
        parts.append(text(across(x), HEIGHT - MARGIN + 18, "middle", "#333333", x))
    parts.append(text(WIDTH / 2, HEIGHT - 12, "middle", "#333333", "memory of the guest, GiB"))
    parts.append(text(MARGIN, MARGIN - 30, "start", "#333333", "exec to ready, Minsn"))
    for row, (system, curve) in enumerate(curves.items()):
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[system]}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{COLORS[system]}"/>' for x, y in curve]
        parts.append(text(MARGIN + 130 * row, MARGIN - 12, "start", COLORS[system], system))
    return "\n".join([*parts, "</svg>"]) + "\n"


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
        curves = {system: [(gib(size), figures[system][f"exec_to_ready_minsn_{size.lower()}"]) for size in options.sizes]
                  for system in SYSTEMS}
        options.plot.write_text(drawing(curves))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


main()
