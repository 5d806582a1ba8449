#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants a regression: writes a kernel with one more initcall of the last level, which runs 150,000 instructions.

    one_more_initcall.py VMLINUX OUTPUT

The initcall and a longer table of all of them lie in the gap behind the kernel's text, which is mapped until the kernel
has booted; the table of levels (initcall_levels in init/main.c) is found by what it points to, as VMLINUX has no symbols.
"""
import struct
import sys

PAGE = 4096
LOAD = 1
EXECUTABLE = 1
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
LEVELS = 8  # early to late; the table has the end of the last as a ninth pointer
LONGEST_LEVEL = 4096  # bytes
LOOPS = 75_000  # of two instructions
INITCALL = b"\xb9" + struct.pack("<I", LOOPS) + b"\xff\xc9\x75\xfc\x31\xc0\xc3\xcc\xcc\xcc\xcc"  # mov, dec, jnz, xor, ret


class Kernel:
    def __init__(self, content):
        self.content = bytearray(content)
        table, = struct.unpack_from("<Q", content, 32)
        count, = struct.unpack_from("<H", content, 56)
        self.headers = [PROGRAM_HEADER.unpack_from(content, table + PROGRAM_HEADER.size * i) for i in range(count)]
        self.loads = [header for header in self.headers if header[0] == LOAD]

    def offset(self, address):
        """Where in the file the byte of a virtual address is, or None."""
        for _, _, offset, virtual, _, in_file, _, _ in self.loads:
            if virtual <= address < virtual + in_file:
                return offset + address - virtual
        return None

    def is_code(self, address):
        return any(header[1] & EXECUTABLE and header[3] <= address < header[3] + header[5] for header in self.loads)

    def initcalls(self, start, end):
        """The addresses that a table of 32-bit distances, each from its own place, gives."""
        at = self.offset(start)
        distances = struct.unpack_from(f"<{(end - start) // 4}i", self.content, at)
        return [start + 4 * i + distance for i, distance in enumerate(distances)]

    def find_levels(self):
        """The file's offset of initcall_levels."""
        for _, _, offset, _, _, in_file, _, _ in self.loads:
            words = struct.unpack_from(f"<{in_file // 8}Q", self.content, offset)
            for i in range(len(words) - LEVELS):
                if 0 < words[i + 1] - words[i] < LONGEST_LEVEL and self.are_levels(words[i:i + LEVELS + 1]):
                    return offset + 8 * i
        sys.exit("one_more_initcall: no table of initcall levels in this kernel")

    def are_levels(self, words):
        if any(not 0 <= after - before < LONGEST_LEVEL or before % 4 for before, after in zip(words, words[1:])):
            return False
        if self.offset(words[0]) is None or self.offset(words[-1] - 1) is None:
            return False
        return all(self.is_code(address) for address in self.initcalls(words[0], words[-1]))

    def gap_behind_text(self):
        """Virtual and physical address of the first page behind the first executable segment, which must be free."""
        text = next(header for header in self.loads if header[1] & EXECUTABLE)
        end = (text[3] + text[6] + PAGE - 1) // PAGE * PAGE
        if any(header[3] < end + PAGE and end < header[3] + header[6] for header in self.loads):
            sys.exit("one_more_initcall: no gap behind this kernel's text")
        return end, end - text[3] + text[4]

    def add_segment(self, virtual, physical, content):
        self.content += bytes(-len(self.content) % PAGE)
        self.headers.append((LOAD, 5, len(self.content), virtual, physical, len(content), len(content), PAGE))
        self.content += content + bytes(-len(content) % 8)
        struct.pack_into("<Q", self.content, 32, len(self.content))
        struct.pack_into("<H", self.content, 56, len(self.headers))
        for header in self.headers:
            self.content += PROGRAM_HEADER.pack(*header)


def main():
    with open(sys.argv[1], "rb") as file:
        kernel = Kernel(file.read())
    levels = kernel.find_levels()
    bounds = struct.unpack_from(f"<{LEVELS + 1}Q", kernel.content, levels)
    virtual, physical = kernel.gap_behind_text()
    # A level ends where the next one starts, so that all of them move.
    table = virtual + len(INITCALL)
    initcalls = [*kernel.initcalls(bounds[0], bounds[-1]), virtual]
    distances = [address - (table + 4 * i) for i, address in enumerate(initcalls)]
    kernel.add_segment(virtual, physical, INITCALL + struct.pack(f"<{len(distances)}i", *distances))
    moved = [table + bound - bounds[0] for bound in bounds]
    struct.pack_into(f"<{LEVELS + 1}Q", kernel.content, levels, *moved[:-1], moved[-1] + 4)
    with open(sys.argv[2], "wb") as file:
        file.write(kernel.content)


main()
