# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks that measure against the guest's memory share: options, and the drawing of exec to ready."""
import argparse
import json
import pathlib

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLORS = ("#2a6fbb", "#b0562a", "#3a8f4e", "#7a4fa3", "#b0892a", "#4a4a4a", "#a8325e", "#2f9c95", "#8a8f2a")


def gib(size):
    return int(size[:-1]) / (1024 if size[-1] == "M" else 1)


def ticks(highest):
    """Round numbers up to the highest, some five of them."""
    step = next(step for power in range(7) for step in (10**power, 2 * 10**power, 5 * 10**power) if highest / step <= 6)
    return range(0, int(highest) + 1, step)


def svg(parts, width=WIDTH):
    """A drawing of charts."""
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}">',
                      f'<rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def chart(curves, x_label, y_label, x_ticks, y_ticks, left=0):
    """The parts of a chart that begins at left, of as many curves as COLORS at most: {system: [(x, y)]}. Ticks are {value: its label}."""
    right = max(x for curve in curves.values() for x, _ in curve)
    bottom = min(y_ticks)
    top = max(y for curve in curves.values() for _, y in curve) - bottom
    across = lambda x: left + MARGIN + x / right * (WIDTH - 2 * MARGIN)
    up = lambda y: HEIGHT - MARGIN - (y - bottom) / top * (HEIGHT - 2 * MARGIN)
    text = ('<text x="{:.0f}" y="{:.0f}" text-anchor="{}" font-family="sans-serif" font-size="12" fill="{}">{}</text>').format
    parts = []
    assert len(curves) <= len(COLORS), "a curve without a color"
    for y, label in y_ticks.items():
        parts.append(f'<path d="M{left + MARGIN} {up(y):.1f}H{left + WIDTH - MARGIN}" stroke="#dddddd"/>')
        parts.append(text(left + MARGIN - 6, up(y) + 4, "end", "#333333", label))
    for x, label in x_ticks.items():
        parts.append(text(across(x), HEIGHT - MARGIN + 18, "middle", "#333333", label))
    parts.append(text(left + WIDTH / 2, HEIGHT - 12, "middle", "#333333", x_label))
    parts.append(text(left + MARGIN, MARGIN - 38, "start", "#333333", y_label))
    for row, ((system, curve), color) in enumerate(zip(curves.items(), COLORS)):
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{color}"/>' for x, y in curve]
        parts.append(text(left + MARGIN + 175 * (row % 3), MARGIN - 26 + 12 * (row // 3), "start", color, system))
    return parts


def drawing(curves):
    """The curves against the guest's memory as SVG: {system: [(GiB, Minsn)]}."""
    highest = [max(point[axis] for curve in curves.values() for point in curve) for axis in (0, 1)]
    return svg(chart(curves, "memory of the guest, GiB", "exec to ready, Minsn", *({at: at for at in ticks(most)} for most in highest)))


def options_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("sizes", nargs="+")
    return parser.parse_args()


def write_results(options, figures):
    """Writes what the options ask for of {system: {figure: value}}."""
    if options.plot:
        options.plot.write_text(drawing(
            {system: [(gib(size), figures[system][f"exec_to_ready_minsn_{size.lower()}"]) for size in options.sizes]
             for system in figures if f"exec_to_ready_minsn_{options.sizes[0].lower()}" in figures[system]}))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
