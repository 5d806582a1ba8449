#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the bytes that mayfly would send first on the channel: a kLaunch frame (guest-init/protocol/).

    launch_frame.py [--net MAC=ADDRESS/BITS] IMAGE ARGUMENT...

The image's launch defaults with the command replaced, as `mayfly run --image IMAGE -- ARGUMENT...` makes them, and
how a network interface is set up.
"""
import ipaddress
import struct
import sys

FRAME_LAUNCH = 1
FIELD_ARGUMENT = 1
FIELD_NETWORK = 7
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


def network_setup(text):
    """A NetworkSetup (guest-init/protocol/machine_setup.hpp) without a gateway."""
    mac, _, address = text.partition("=")
    interface = ipaddress.IPv4Interface(address)
    return bytes.fromhex(mac.replace(":", "")) + struct.pack("<BB", 1, interface.network.prefixlen) + interface.ip.packed + bytes(4)


def main():
    words = sys.argv[1:]
    networks = []
    while words[:1] == ["--net"] and len(words) > 1:
        networks.append((FIELD_NETWORK, network_setup(words[1])))
        words = words[2:]
    if len(words) < 2:
        sys.exit("usage: launch_frame.py [--net MAC=ADDRESS/BITS] IMAGE ARGUMENT...")
    records = [(field, value) for field, value in image_defaults(words[0]) if field != FIELD_ARGUMENT]
    records += [(FIELD_ARGUMENT, argument.encode()) for argument in words[1:]] + networks
    body = b"".join(struct.pack("<HHI", field, 0, len(value)) + value for field, value in records)
    request = struct.pack("<II", LAUNCH_MAGIC, len(body)) + body
    sys.stdout.buffer.write(struct.pack("<BBHI", FRAME_LAUNCH, 0, 0, len(request)) + request)


main()
