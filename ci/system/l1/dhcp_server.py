#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A DHCP server at net0 that is not as others are. Says on stdout what it does.

dhcp_server.py short    leases of twenty seconds, of 10.77.0.70; after SIGUSR1 10.77.0.71, and nothing more for who has the other
dhcp_server.py hostile  answers each message with noise, cut and overlong options, other clients' answers, and refusals
"""

import os
import signal
import socket
import sys

ALL = ("255.255.255.255", 68)
OURS = socket.inet_aton("10.77.0.1")
given = "10.77.0.70"


def change(_number, _frame):
    global given
    given = "10.77.0.71"


def option(number, value):
    return bytes((number, len(value))) + value


def options_of(message):
    found, rest = {}, message[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def reply(message, kind, address, *more, seconds=20):
    head = b"\x02\x01\x06\x00" + message[4:8] + b"\0\0\x80\0" + bytes(4) + socket.inet_aton(address) + bytes(8)
    head += message[28:44] + bytes(192) + b"\x63\x82\x53\x63"
    lease = option(53, bytes((kind,))) + option(1, b"\xff\xff\xff\0") + option(54, OURS) + option(51, seconds.to_bytes(4, "big"))
    return head + lease + b"".join(more) + b"\xff"


def say(*words):
    print(*words, flush=True)


def answer_short(server, message):
    kind, own = options_of(message)[53][0], socket.inet_ntoa(message[12:16])
    if kind == 1:
        server.sendto(reply(message, 2, given), ALL)
    elif own in ("0.0.0.0", given):
        say("gives" if own == "0.0.0.0" else "renews", given)
        server.sendto(reply(message, 5, given), ALL if own == "0.0.0.0" else (own, 68))


def answer_hostile(server, message):
    good = reply(message, 2, "10.77.0.80")
    other = bytearray(good)
    other[4] ^= 1
    stranger = bytearray(good)
    stranger[28] ^= 4
    for bad in (
        b"",
        os.urandom(1400),
        good[:239],
        good[:-1] + b"\x06\xff\x01",
        bytes(other),
        bytes(stranger),
        reply(message, 2, "0.0.0.0"),
        reply(message, 2, "255.255.255.255"),
        reply(message, 2, "10.77.0.80", option(1, b"\xff\0\xff\0")),
        reply(message, 2, "10.77.0.80", seconds=0),
        good[:240] + os.urandom(1000),
    ):
        server.sendto(bad, ALL)
    if options_of(message)[53][0] == 1:
        server.sendto(reply(message, 5, "10.77.0.80"), ALL)
        server.sendto(good, ALL)
    else:
        server.sendto(reply(message, 6, "0.0.0.0"), ALL)


def main():
    signal.signal(signal.SIGUSR1, change)
    answer = {"short": answer_short, "hostile": answer_hostile}[sys.argv[1]]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"net0\0")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.bind(("", 67))
        say("serves")
        while True:
            answer(server, server.recv(4096))


main()
