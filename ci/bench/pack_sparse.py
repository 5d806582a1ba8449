#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what a file has beside holes: OUTPUT.data, all of it in a row, and OUTPUT.extents, of which l1/kinds_systems makes
the file again: its bytes, then a line for each piece, its first block of 4 KiB and how many there are.

    pack_sparse.py FILE OUTPUT
"""
import os
import sys

BLOCK = 4096


def extents(file, size):
    """What is no hole, as (first block, end)."""
    at = 0
    while at < size:
        try:
            begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:  # Nothing but a hole is left.
            return
        at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        yield begin // BLOCK, -(-at // BLOCK)


def main():
    source, output = sys.argv[1:3]
    size = os.path.getsize(source)
    with open(source, "rb") as file, open(f"{output}.data", "wb") as data, open(f"{output}.extents", "w") as lines:
        print(size, file=lines)
        for begin, end in list(extents(file, size)):
            file.seek(begin * BLOCK)
            data.write(file.read((end - begin) * BLOCK))
            print(begin, end - begin, file=lines)


main()
