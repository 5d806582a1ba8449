# SPDX-License-Identifier: Apache-2.0
"""Looks at the returns of a running guest's kernel, in the memory of mayfly: those that objtool has listed in vmlinux.

    returns_of_guest.py VMLINUX PID     PID: a mayfly, or the parent of one

Prints how many there are, how many are plain at addresses without and with bit 5 (0x20), and how many jump there."""

import re
import struct
import sys
from pathlib import Path

KERNEL_BASE = 0xFFFFFFFF80000000  # physical 0
GIB = 1 << 30
RET, JMP, UD1 = 0xC3, 0xE9, b"\x0f\xb9\xcc"


def sections(elf):
    offset, size, count, names = struct.unpack_from("<Q10xHHH", elf, 0x28)
    heads = [struct.unpack_from("<IIQQQQ", elf, offset + i * size) for i in range(count)]
    text = heads[names][4]
    for name, _, _, address, at, length in heads:
        yield elf[text + name : elf.index(b"\0", text + name)].decode(), address, at, length


def return_sites(elf):
    found = {name: (address, at, length) for name, address, at, length in sections(elf)}
    address, at, length = found[".return_sites"]
    start, _, text = found[".text"]  # Others may be gone: init code is freed.
    for i in range(length // 4):
        site = address + 4 * i + struct.unpack_from("<i", elf, at + 4 * i)[0]
        if start <= site < start + text:
            yield site


def memory_of(pid):
    """The mayfly at or below pid, and where its guest's memory begins: aligned to 1 GiB, and large."""
    children = [c for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    for each in [pid, *children]:
        for writable in re.finditer(r"^(\w+)-(\w+) rw", Path(f"/proc/{each}/maps").read_text(), re.MULTILINE):
            begin, end = (int(word, 16) for word in writable.groups())
            if begin % GIB == 0 and end - begin >= 64 << 20:
                return each, begin
    sys.exit(f"process {pid} has no guest")


def main():
    elf = Path(sys.argv[1]).read_bytes()
    pid, base = memory_of(sys.argv[2])
    count, plain, jumps = 0, [0, 0], [0, 0]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for site in return_sites(elf):
            memory.seek(base + site - KERNEL_BASE)
            code = memory.read(8)
            if code[5:] == UD1:
                continue  # The trampoline of a static call may do anything.
            count += 1
            which = site >> 5 & 1
            plain[which] += code[:2] == bytes([RET, 0xCC])
            jumps[which] += code[0] == JMP
    print(count, *plain, *jumps)


main()
