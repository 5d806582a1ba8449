# SPDX-License-Identifier: Apache-2.0
"""Writes an ELF kernel with a PVH note: `assembly_kernel.py FILE HEX`, HEX being 32-bit code loaded and entered at 1 MiB.

With --no-note the note is left out; with --segment PADDR,FILESZ,MEMSZ a further segment is declared (may be repeated).
"""

import argparse
import struct

BASE = 0x100000
parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("code")
parser.add_argument("--no-note", action="store_true")
parser.add_argument("--segment", action="append", default=[])
options = parser.parse_args()

code = bytes.fromhex(options.code.replace(" ", ""))
# elf.h: Elf64_Nhdr; xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY = 18.
note = struct.pack("<III", 4, 4, 18) + b"Xen\0" + struct.pack("<I", BASE)
segments = [(1, 0x1000, BASE, len(code), 0x1000)]
if not options.no_note:
    segments.append((4, 0x800, 0, len(note), len(note)))
for text in options.segment:
    address, file_bytes, memory_bytes = (int(value, 0) for value in text.split(","))
    segments.append((1, 0x1000, address, file_bytes, memory_bytes))
# elf.h: Elf64_Ehdr (ET_EXEC, EM_X86_64) and Elf64_Phdr.
image = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, BASE, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
for kind, offset, address, file_bytes, memory_bytes in segments:
    image += struct.pack("<IIQQQQQQ", kind, 7, offset, address, address, file_bytes, memory_bytes, 4096)
image = image.ljust(0x800, b"\0") + note
image = image.ljust(0x1000, b"\0") + code.ljust(0x1000, b"\0")
with open(options.file, "wb") as out:
    out.write(image)
