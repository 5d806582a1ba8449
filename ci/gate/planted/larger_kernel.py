#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants a regression: writes a kernel with 2 MiB more to load.

    larger_kernel.py VMLINUX OUTPUT

The additional segment lies in free memory behind the kernel; the program headers move to the file's end.
"""
import struct
import sys

MIB = 1 << 20
PAGE = 4096
LOAD = 1
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")


def main():
    with open(sys.argv[1], "rb") as file:
        kernel = bytearray(file.read())
    table, = struct.unpack_from("<Q", kernel, 32)
    count, = struct.unpack_from("<H", kernel, 56)
    headers = [PROGRAM_HEADER.unpack_from(kernel, table + PROGRAM_HEADER.size * i) for i in range(count)]
    end = max(header[4] + header[6] for header in headers if header[0] == LOAD)
    address = (end + 2 * MIB - 1) // (2 * MIB) * (2 * MIB)
    kernel += bytes(-len(kernel) % PAGE)
    content = len(kernel)
    kernel += b"\x5a" * (2 * MIB)
    headers.append((LOAD, 4, content, address, address, 2 * MIB, 2 * MIB, PAGE))
    struct.pack_into("<Q", kernel, 32, len(kernel))
    struct.pack_into("<H", kernel, 56, len(headers))
    for header in headers:
        kernel += PROGRAM_HEADER.pack(*header)
    with open(sys.argv[2], "wb") as file:
        file.write(kernel)


main()
