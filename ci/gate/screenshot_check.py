#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that a browser has drawn a report: its page is light or dark, and bars, dots and lines are there.

    screenshot_check.py light|dark FILE.png
"""
import collections
import struct
import sys
import zlib

# html_style.hpp: the page, and what is drawn of the measurement.
COLOURS = {"light": ((0xF6, 0xF7, 0xF9), (0x1F, 0x6F, 0xEB)), "dark": ((0x0F, 0x14, 0x1A), (0x6C, 0xB0, 0xFF))}
DRAWN_PIXELS_MIN = 3000
TEXT_COLOURS_MIN = 30


def chunks(data):
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def unfilter(kind, line, above, step):
    """Undoes one of PNG's five filters (RFC 2083, 6) in place."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            estimate = left + up - corner
            guess = min((left, up, corner), key=lambda near: abs(estimate - near))
        line[i] = (line[i] + guess) & 255


def pixels(path):
    """How many pixels each colour has, and the colour of the first."""
    with open(path, "rb") as file:
        data = file.read()
    parts = list(chunks(data))
    width, height, depth, kind = struct.unpack_from(">IIBB", parts[0][1])
    if depth != 8 or kind not in (2, 6):
        sys.exit(f"screenshot_check: {path} has a form of PNG that this does not read ({depth}, {kind})")
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    count = collections.Counter()
    above = bytearray(width * step)
    first = None
    for row in range(height):
        begin = row * (width * step + 1)
        line = bytearray(raw[begin + 1 : begin + 1 + width * step])
        if raw[begin]:
            unfilter(raw[begin], line, above, step)
        first = first or tuple(line[:3])
        count.update(zip(line[0::step], line[1::step], line[2::step]))
        above = line
    return count, first


def main():
    page, drawn = COLOURS[sys.argv[1]]
    count, first = pixels(sys.argv[2])
    if first != page:
        sys.exit(f"screenshot_check: the page is {first}, not {page}: it is not {sys.argv[1]}")
    if count[drawn] < DRAWN_PIXELS_MIN:
        sys.exit(f"screenshot_check: {count[drawn]} pixels have the colour of bars and lines; they are not drawn")
    if len(count) < TEXT_COLOURS_MIN:
        sys.exit(f"screenshot_check: {len(count)} colours on the page; there is no text")


main()
