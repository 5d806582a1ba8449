# SPDX-License-Identifier: Apache-2.0
#
# PID 1 of a guest whose disk holds this, a kernel and some data: says what it reads of the data, starts the kernel by kexec, is
# PID 1 again, says what it reads now, and powers off.
#
#   disk: 64 KiB of this, up to 32 MiB the kernel, an ELF file, then 32 MiB of data

import ctypes
import hashlib
import struct
import sys

DISK = "/dev/nvme0n1"
KERNEL_AT, DATA_AT, DATA_BYTES = 64 << 10, 32 << 20, 32 << 20
BALLAST_BYTES = 256 << 20
# Free memory of a PC that the kernel loads nothing to.
PARAMETERS_AT, WORDS_AT, STUB_AT = 0x70000, 0x71000, 0x72000
PAGE = 4096
libc = ctypes.CDLL(None, use_errno=True)


class Segment(ctypes.Structure):
    _fields_ = [("buffer", ctypes.c_char_p), ("bytes", ctypes.c_size_t), ("at", ctypes.c_size_t), ("memory", ctypes.c_size_t)]


def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        sys.exit(f"system call {number} failed: {ctypes.get_errno()}")


def mount(kind, at):
    if libc.mount(b"none", at, kind, 0, None) != 0:
        sys.exit(f"cannot mount {kind}: {ctypes.get_errno()}")


def pages(count):
    return ctypes.c_size_t((count + PAGE - 1) // PAGE * PAGE)


def segment(data, at, memory):
    return Segment(data, len(data), at, pages(memory))


def image_of(kernel):
    """Entry of an ELF file (System V ABI, 5), what it has in memory from where on, and how much memory it takes."""
    entry, table = struct.unpack_from("<QQ", kernel, 24)
    size, count = struct.unpack_from("<HH", kernel, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", kernel, at) for at in range(table, table + size * count, size)]
    loaded = [header for header in headers if header[0] == 1]
    first = min(physical for _, _, _, _, physical, _, _, _ in loaded) // PAGE * PAGE
    image = bytearray(max(physical + in_file for _, _, _, _, physical, in_file, _, _ in loaded) - first)
    for _, _, offset, _, physical, in_file, _, _ in loaded:
        image[physical - first:physical - first + in_file] = kernel[offset:offset + in_file]
    return entry, bytes(image), first, max(physical + in_memory for _, _, _, _, physical, _, in_memory, _ in loaded) - first


def start(kernel, words):
    with open("/sys/kernel/boot_params/data", "rb") as file:
        parameters = bytearray(file.read())
    struct.pack_into("<I", parameters, 0x228, WORDS_AT)
    parameters[0x210] = 0xFF  # a loader without a number
    entry, image, first, memory = image_of(kernel)
    # mov $PARAMETERS_AT, %rsi; mov $entry, %rax; jmp *%rax
    stub = b"\x48\xbe" + struct.pack("<Q", PARAMETERS_AT) + b"\x48\xb8" + struct.pack("<Q", entry) + b"\xff\xe0"
    loaded = [segment(bytes(parameters), PARAMETERS_AT, PAGE), segment(words + b"\0", WORDS_AT, PAGE), segment(stub, STUB_AT, PAGE),
              segment(image, first, memory)]
    call(246, ctypes.c_ulong(STUB_AT), ctypes.c_ulong(len(loaded)), (Segment * len(loaded))(*loaded), ctypes.c_ulong(62 << 16))
    call(169, ctypes.c_uint(0xFEE1DEAD), ctypes.c_uint(672274793), ctypes.c_uint(0x45584543), None)


def main():
    mount(b"proc", b"/proc")
    mount(b"sysfs", b"/sys")
    with open("/proc/cmdline", "rb") as file:
        words = file.read().strip()
    nth = "second" if b"next_kernel" in words else "first"
    # What is read then goes beyond what the disk has reached before.
    ballast = b"x" * BALLAST_BYTES if nth == "second" else b""
    with open(DISK, "rb") as disk:
        disk.seek(DATA_AT)
        print(nth, hashlib.sha256(disk.read(DATA_BYTES)).hexdigest(), flush=True)
        if nth == "first":
            disk.seek(KERNEL_AT)
            # As one that knows nothing of its host, and so has all memory from the start.
            start(disk.read(DATA_AT - KERNEL_AT), b"next_kernel nopv tsc_early_khz=1000000 " + words)
    del ballast
    call(169, ctypes.c_uint(0xFEE1DEAD), ctypes.c_uint(672274793), ctypes.c_uint(0x4321FEDC), None)


main()
