# SPDX-License-Identifier: Apache-2.0
"""Reads a disk's first 256 MiB again and again, each time into memory that was never used: read_into_fresh_memory.py
DISK MEBIBYTES. Prints the CRC-32 of each 32 MiB. Each read is one request of the program and, with the queue's
max_sectors_kb at 32, 1024 of the disk, as many at a time as its queue holds.
"""
import mmap
import os
import sys
import zlib

CHUNK = 32 << 20

disk = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
kept = []
for turn in range(int(sys.argv[2]) * 2**20 // CHUNK):
    memory = mmap.mmap(-1, CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if os.preadv(disk, [memory], turn % 8 * CHUNK) != CHUNK:
        sys.exit(f"read {turn} is short")
    print(f"{zlib.crc32(memory):08x}", flush=True)
    kept.append(memory)
