#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the bytes that mayfly would send first on the channel: a kLaunch frame (guest-init/protocol/).

    launch_frame.py IMAGE ARGUMENT...

The image's launch defaults with the command replaced, as `mayfly run --image IMAGE -- ARGUMENT...` makes them.
"""
import struct
import sys

FRAME_LAUNCH = 1
FIELD_ARGUMENT = 1
LAUNCH_MAGIC = 0x524C464D
IMAGE_MAGIC = b"MAYFLY\0\1"


def image_defaults(path):
    """The records of the image's launch defaults (image-builder/format/image_header.hpp), as (field, value)."""
    with open(path, "rb") as image:
        header = image.read(48)
        if len(header) < 48 or header[:8] != IMAGE_MAGIC:
            sys.exit(f"launch_frame: {path} is not a Mayfly image; make one with mayfly-image build")
        offset, length = struct.unpack_from("<QQ", header, 32)
        image.seek(offset)
        launch = image.read(length)
    at = 8
    while at < len(launch):
        field, _, size = struct.unpack_from("<HHI", launch, at)
        yield field, launch[at + 8 : at + 8 + size]
        at += 8 + size


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: launch_frame.py IMAGE ARGUMENT...")
    records = [(field, value) for field, value in image_defaults(sys.argv[1]) if field != FIELD_ARGUMENT]
    records += [(FIELD_ARGUMENT, argument.encode()) for argument in sys.argv[2:]]
    body = b"".join(struct.pack("<HHI", field, 0, len(value)) + value for field, value in records)
    request = struct.pack("<II", LAUNCH_MAGIC, len(body)) + body
    sys.stdout.buffer.write(struct.pack("<BBHI", FRAME_LAUNCH, 0, 0, len(request)) + request)


main()
