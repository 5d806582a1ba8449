# SPDX-License-Identifier: Apache-2.0
"""What a host has that a launch could leave behind: taken before and after, compared, each kind of leak named by a line.

Linux of the lab, as root. Where only the host's own count is to be had, which is not exact, a tolerance is stated beside it.
"""
import glob
import os
import pathlib
import re
import time

# What is compared by name: any that is new is a leak. The function gives the names.
NAMED = {}
# What is compared by number: {kind: function giving it}; more of it than before is a leak.
COUNTED = {}
FOLDERS = ("/dev/hugepages", "/dev/shm", "/dev/pts", "/run", "/tmp", "/var/tmp")
# Of memory, what the host itself may take meanwhile: this, and a quarter of a page for each launch or call.
MEMORY_TOLERANCE_KIB = 4096
MEMORY_TOLERANCE_KIB_EACH = 1
# The kernel counts open files of all by processor, and tells the sum of what these have handed in.
OPEN_FILES_TOLERANCE = 64
OF_PROCESS = re.compile(r"^\d+ of process (\d+)")
# /proc/meminfo's, in which one of any of these would stand out; MemAvailable stands for all others.
MEMORY_KINDS = ("SUnreclaim", "PageTables", "KernelStack", "Percpu", "VmallocUsed", "Shmem", "AnonPages", "Mlocked")


def named(kind):
    return lambda function: NAMED.setdefault(kind, function)


def counted(kind):
    return lambda function: COUNTED.setdefault(kind, function)


def text_of(path):
    """Its content; empty where it is gone, or is not this process's to read."""
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def links_in(pattern):
    """{path: what it points to} of the symbolic links that a pattern finds and that are still there."""
    found = {}
    for path in glob.glob(pattern):
        try:
            found[path] = os.readlink(path)
        except OSError:
            pass
    return found


def fields_of(path):
    """{name: value} of a file like /proc/meminfo."""
    return {match[1]: int(match[2]) for match in re.finditer(r"^(\w+):?\s+(\d+)", text_of(path), re.MULTILINE)}


@named("process")
def processes():
    """Those of programs, and what KVM and vhost start in the kernel; other threads of the kernel come and go."""
    for path in glob.glob("/proc/[0-9]*"):
        name, state = re.search(r"\((.*)\) (\S)", text_of(path + "/stat") or "(gone) -").groups()
        is_of_a_program = os.path.exists(path + "/exe") or state == "Z"
        if state != "-" and (is_of_a_program or name.startswith(("kvm", "vhost"))):
            yield f"{path[6:]} ({name}{', a zombie' if state == 'Z' else ''})"


@named("descriptor")
def descriptors():
    """Those of each process that is there, but for those that the look at them opens."""
    for path, target in links_in("/proc/[0-9]*/fd/*").items():
        if not (path.startswith(f"/proc/{os.getpid()}/") and target.startswith("/proc/")):
            yield f"{path.split('/')[4]} of process {path.split('/')[2]}: {target}"


@named("thread")
def threads():
    for path in glob.glob("/proc/[0-9]*/task/*"):
        if path.split("/")[2] != path.split("/")[4] and os.path.exists(path + "/exe"):
            yield f"{path.split('/')[4]} of process {path.split('/')[2]}"


@named("namespace")
def namespaces():
    return links_in("/proc/[0-9]*/task/*/ns/*").values()


@named("socket")
def sockets():
    for line in text_of("/proc/net/unix").splitlines()[1:]:
        words = line.split()
        yield "unix " + " ".join(words[6:8])
    for protocol in ("tcp", "tcp6", "udp", "udp6", "raw", "packet", "netlink"):
        for line in text_of(f"/proc/net/{protocol}").splitlines()[1:]:
            words = line.split()
            yield f"{protocol} {' '.join(words[1:3]) if protocol[:3] in ('tcp', 'udp') else words[-1]}"


@named("network interface")
def interfaces():
    return os.listdir("/sys/class/net")


@named("held tap")
def held_taps():
    """A tap that is up has a carrier as long as a process has it."""
    for path in glob.glob("/sys/class/net/*/tun_flags"):
        if text_of(os.path.dirname(path) + "/carrier").strip() == "1":
            yield path.split("/")[4]


@named("cgroup")
def cgroups():
    return (path for path, _, _ in os.walk("/sys/fs/cgroup"))


@named("mount")
def mounts():
    for process in ("1", "self"):
        for line in text_of(f"/proc/{process}/mountinfo").splitlines():
            yield " ".join(line.split()[0:5:4])


@named("file")
def files():
    for folder in FOLDERS:
        for path, folders, names in os.walk(folder):
            yield from (os.path.join(path, name) for name in folders + names)


@named("shared memory, semaphore or queue")
def ipc():
    for kind in ("shm", "sem", "msg"):
        for line in text_of(f"/proc/sysvipc/{kind}").splitlines()[1:]:
            yield f"{kind} {line.split()[1]}"


@named("virtual machine")
def machines():
    """KVM's debugfs has a folder for each."""
    return (path for path in os.listdir("/sys/kernel/debug/kvm") if re.match(r"\d+-\d+", path))


@counted("use of the KVM module")
def module_uses():
    return sum(int(text_of(path) or 0) for path in glob.glob("/sys/module/kvm_*/refcnt"))


@counted("huge page that is taken")
def taken_huge_pages():
    return sum(int(text_of(path + "/nr_hugepages")) - int(text_of(path + "/free_hugepages"))
               for path in glob.glob("/sys/kernel/mm/hugepages/*"))


@counted("huge page that is promised")
def promised_huge_pages():
    return sum(int(text_of(path)) for path in glob.glob("/sys/kernel/mm/hugepages/*/resv_hugepages"))


@counted("pinned page")
def pinned_pages():
    pathlib.Path("/proc/sys/vm/stat_refresh").read_bytes()
    state = fields_of("/proc/vmstat")
    return state.get("nr_foll_pin_acquired", 0) - state.get("nr_foll_pin_released", 0)


@counted("open file of the whole host")
def open_files():
    return int(text_of("/proc/sys/fs/file-nr").split()[0]) // OPEN_FILES_TOLERANCE * OPEN_FILES_TOLERANCE


def left_behind(kind, names):
    """The line about things of a kind, of which the first are named."""
    return f"{len(names)} × {kind} left behind: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"


class Snapshot:
    """What the host has now; memory without what it would give back at once."""

    def __init__(self):
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        self.named = {kind: set(names()) for kind, names in NAMED.items()}
        self.counted = {kind: count() for kind, count in COUNTED.items()}
        state = fields_of("/proc/meminfo")
        self.memory = {kind: state[kind] for kind in MEMORY_KINDS if kind in state}
        self.memory["unavailable"] = state["MemTotal"] - state["MemAvailable"]

    def leaks_since(self, before, launches):
        """A line for each kind of which there is more than before."""
        lines = []
        # What a process has that is left behind itself is no leak of its own.
        left = {name.split()[0] for name in self.named["process"] - before.named["process"]}
        for kind, names in self.named.items():
            new = sorted(name for name in names - before.named[kind] if not (found := OF_PROCESS.search(name)) or found[1] not in left)
            if new:
                lines.append(left_behind(kind, new))
        for kind, count in self.counted.items():
            if count > before.counted[kind]:
                lines.append(f"{count - before.counted[kind]} × {kind} left behind: {before.counted[kind]} before, {count} after")
        tolerance = MEMORY_TOLERANCE_KIB + MEMORY_TOLERANCE_KIB_EACH * launches
        for kind, kib in self.memory.items():
            if kib - before.memory[kind] > tolerance:
                lines.append(f"memory left behind: {kind} has grown by {kib - before.memory[kind]} KiB, {tolerance} are tolerated")
        return lines


def leaks_since(before, launches, seconds=60):
    """The lines of Snapshot.leaks_since once there are none, or after so many seconds: what ends takes its time."""
    deadline = time.monotonic() + seconds
    while lines := Snapshot().leaks_since(before, launches):
        if time.monotonic() > deadline:
            return lines
        time.sleep(1)
    return []
