# SPDX-License-Identifier: Apache-2.0
"""That leaks.py names each kind of leak: plants one after the other and takes it away again. A line on stdout for each that it misses.

    unshare --mount leaks_test.py
"""
import contextlib
import ctypes
import fcntl
import mmap
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

import leaks

TUNSETIFF = 0x400454CA
TAP = 0x1002  # IFF_TAP | IFF_NO_PI
KVM_CREATE_VM = 0xAE01
MAP_HUGETLB = 0x40000
HUGE = 2 << 20
IO_URING_SETUP, IO_URING_REGISTER = 425, 427
PLANTS = []


def plants(*kinds):
    """Marks a function that leaves something of these kinds as long as its context lasts."""
    return lambda function: PLANTS.append((kinds, contextlib.contextmanager(function)))


def busybox(*words):
    subprocess.run(["busybox", *words], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def sleeper(*before):
    process = subprocess.Popen([*before, "sleep", "1000"])
    # It is there; what it does before it sleeps may take a moment, which look_for allows.
    yield process
    process.kill()
    process.wait()


@plants("process")
def a_process():
    with sleeper():
        yield


@plants("a zombie")
def a_zombie():
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield
    process.wait()


@plants("namespace")
def a_namespace():
    with sleeper("unshare", "--uts"):
        yield


@plants("descriptor")
def a_descriptor():
    with open("/dev/null", "rb"):
        yield


@plants("open file of the whole host")
def many_descriptors():
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(300)]
    yield
    for each in kept:
        os.close(each)


@plants("thread")
def a_thread():
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait)
    thread.start()
    yield
    is_over.set()
    thread.join()


@plants("socket left behind: unix")
def a_unix_socket():
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("\0planted")
        yield


@plants("socket left behind: tcp")
def a_tcp_socket():
    with socket.create_server(("127.0.0.1", 0)):
        yield


@plants("network interface")
def an_interface():
    busybox("tunctl", "-t", "planted")
    yield
    busybox("ip", "link", "delete", "planted")


@plants("held tap")
def a_held_tap():
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tested", TAP))
        yield


@plants("cgroup")
def a_cgroup():
    os.mkdir("/sys/fs/cgroup/planted")
    yield
    os.rmdir("/sys/fs/cgroup/planted")


@plants("mount")
def a_mount():
    busybox("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    yield
    busybox("umount", "/mnt")


@plants("4 × file left behind: /dev/shm/planted, /run/planted, /tmp/planted, /var/tmp/planted")
def files():
    paths = [pathlib.Path(folder, "planted") for folder in ("/dev/shm", "/run", "/tmp", "/var/tmp")]
    for path in paths:
        path.touch()
    yield
    for path in paths:
        path.unlink()


@plants("shared memory, semaphore or queue")
def shared_memory():
    libc = ctypes.CDLL(None)
    number = libc.shmget(0, 4096, 0o600)
    yield
    libc.shmctl(number, 0, None)


@plants("virtual machine", "use of the KVM module")
def a_machine():
    with open("/dev/kvm", "rb") as kvm:
        machine = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
        yield
        os.close(machine)


@plants("huge page that is taken", "huge page that is promised")
def huge_pages():
    with mmap.mmap(-1, HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB) as memory:
        memory[0] = 1
        with mmap.mmap(-1, HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB):
            yield


@plants("pinned page")
def a_pinned_page():
    """A buffer registered with io_uring."""
    libc = ctypes.CDLL(None)
    ring = libc.syscall(IO_URING_SETUP, 1, bytes(120))
    memory = mmap.mmap(-1, 1 << 16)
    at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if libc.syscall(IO_URING_REGISTER, ring, 0, struct.pack("QQ", at, 1 << 16), 1) != 0:
        raise SystemExit("leaks_test: no buffer can be registered with io_uring")
    yield
    os.close(ring)


def fill(memory):
    """With 16 MiB, in pieces that Python keeps no memory for."""
    for _ in range(16 << 4):
        memory.write(b"\1" * (1 << 16))


@plants("memory left behind: AnonPages", "memory left behind: unavailable")
def memory():
    with mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as own:
        fill(own)
        yield


@plants("memory left behind: Shmem")
def shared_pages():
    with os.fdopen(os.memfd_create("planted"), "r+b") as shared:
        fill(shared)
        yield


def look_for(kinds, before, seconds=20):
    """Those of the kinds of which no line tells in that time."""
    for _ in range(seconds):
        lines = leaks.Snapshot().leaks_since(before, 0)
        missing = [kind for kind in kinds if not any(kind in line for line in lines)]
        if not missing:
            break
        threading.Event().wait(1)
    return missing


def main():
    for folder in ("/tmp", "/var/tmp"):
        busybox("mount", "-t", "tmpfs", "tmpfs", folder)
    pathlib.Path("/proc/sys/vm/nr_hugepages").write_text("2")
    busybox("tunctl", "-t", "tested")
    busybox("ip", "link", "set", "tested", "up")
    missed = []
    before = leaks.Snapshot()
    for kinds, plant in PLANTS:
        with plant():
            missed += [f"{plant.__name__} is not named '{kind}'" for kind in look_for(kinds, before)]
    missed += [f"what was planted is taken away, but: {line}" for line in leaks.leaks_since(before, 0)]
    busybox("ip", "link", "delete", "tested")
    pathlib.Path("/proc/sys/vm/nr_hugepages").write_text("0")
    print("\n".join(missed), end="")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
