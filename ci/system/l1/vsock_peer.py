# SPDX-License-Identifier: Apache-2.0
"""The host's side of a guest's sockets, with PATH as `mayfly run --vsock` has it:

vsock_peer.py echo PATH PORT BYTES [STUCK]   connects to the guest's PORT, sends that many random bytes, and prints whether
                                             the same came back; with STUCK beside as many clients that send and never read
vsock_peer.py refused PATH PORT              connects to the guest's PORT, and prints what it is told, which is to be nothing
vsock_peer.py serve PATH PORT                listens at the host's PORT, sends one guest back what it sends, prints its digest
"""
import hashlib
import os
import socket
import sys
import threading

SECONDS = 300


def connect(path, port):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(SECONDS)
    stream.connect(path)
    stream.sendall(b"CONNECT %d\n" % port)
    return stream


def greeting(stream):
    line = b""
    while not line.endswith(b"\n"):
        byte = stream.recv(1)
        if not byte:
            break
        line += byte
    return line


def everything(stream):
    return b"".join(iter(lambda: stream.recv(1 << 16), b""))


def send_for_ever(stream):
    try:
        stream.sendall(bytes(4 << 20))  # more than all between have room for
    except OSError:
        pass  # it was closed at last


def taken(path, port):
    stream = connect(path, port)
    assert greeting(stream).startswith(b"OK "), "a client is not taken"
    return stream


def echo(path, port, size, stuck=0):
    held = [taken(path, port) for _ in range(stuck)]
    senders = [threading.Thread(target=send_for_ever, args=(each,)) for each in held]
    for each in senders:
        each.start()
    stream = taken(path, port)
    sent = os.urandom(size)

    def send():
        stream.sendall(sent)
        stream.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    back = everything(stream)
    sender.join()
    print(hashlib.sha256(back).hexdigest() == hashlib.sha256(sent).hexdigest(), len(back))
    assert all(each.is_alive() for each in senders), "somebody has taken all"
    for each in held:
        each.shutdown(socket.SHUT_RDWR)
        each.close()
    for each in senders:
        each.join()


def refused(path, port):
    print(greeting(connect(path, port)))


def serve(path, port):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{path}_{port}")
        server.listen()
        server.settimeout(SECONDS)
        stream = server.accept()[0]
        stream.settimeout(SECONDS)
        got = everything(stream)
        stream.sendall(got)
        stream.close()
        os.unlink(f"{path}_{port}")
        print(hashlib.sha256(got).hexdigest())


action, where, *numbers = sys.argv[1:]
{"echo": echo, "refused": refused, "serve": serve}[action](where, *map(int, numbers))
