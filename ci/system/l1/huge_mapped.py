# SPDX-License-Identifier: Apache-2.0
"""In the guest: maps a file that nobody else uses at a multiple of 2 MiB, touches every page, prints its KiB and how many
of them are mapped by 2 MiB entries (FilePmdMapped)."""

import ctypes
import os
import re
import sys

HUGE = 2 << 20

path = os.path.realpath(sys.argv[1])
size = os.path.getsize(path) // HUGE * HUGE
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
room = libc.mmap(None, size + HUGE, 0, 0x22, -1, 0)
at = (room + HUGE - 1) & ~(HUGE - 1)
at = libc.mmap(at, size, 1, 0x11, os.open(path, os.O_RDONLY), 0)  # PROT_READ, MAP_SHARED | MAP_FIXED
for offset in range(0, size, 4096):
    ctypes.string_at(at + offset, 1)
with open("/proc/self/smaps") as smaps:
    block = smaps.read().split(f"{at:x}-", 1)[1]
print(size // 1024, re.search(r"FilePmdMapped: *(\d+) kB", block).group(1))
