# SPDX-License-Identifier: Apache-2.0
"""Fills memory with a pattern and reads it back: fill_memory.py MEBIBYTES [ROUNDS]. Prints `same`, or where it differs.

Both ends of each 4 KiB page hold a number of their own, so a page that is lost, zeroed or given twice shows.
"""
import mmap
import struct
import sys

number = struct.Struct("<Q")
pages = int(sys.argv[1]) * 256
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
for turn in range(1, rounds + 1):
    memory = mmap.mmap(-1, pages * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(pages):
        number.pack_into(memory, page * 4096, (turn << 32) + page)
        number.pack_into(memory, page * 4096 + 4088, ~((turn << 32) + page) & (2**64 - 1))
    for page in range(pages):
        if (number.unpack_from(memory, page * 4096)[0] != (turn << 32) + page
                or number.unpack_from(memory, page * 4096 + 4088)[0] != ~((turn << 32) + page) & (2**64 - 1)):
            sys.exit(f"page {page} differs in round {turn}")
    memory.close()
print("same")
