# SPDX-License-Identifier: Apache-2.0
"""Launches many guests of 72 MiB, one after the other and then many at once, some of them killed; says what they leave behind.

    unshare --mount launches.py MAYFLY IMAGE LAUNCHES AT_ONCE SEED

What a launch is given and when it is killed comes from SEED and its number. The namespace is for a /tmp of its own, in which nobody
else makes files. One line a fault on stdout, each leak by its kind; what was done on stderr. Exit status 1 when there was a fault.
"""
import glob
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import leaks

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import memory_figures  # noqa: E402  the folder is known now

# Beside a balloon of 8 MiB as much as a guest needs.
GUEST_MIB = 72
OWN_KIB_MAX = 4096
HUGE_PAGES_OF = 4  # guests at once that have 2 MiB pages
TAPS = 16
WARM_UPS = 4
# No launch takes so long, however slow the machine is; of those that take longer something hangs.
SECONDS_MAX = 900
RUN_FOLDER = pathlib.Path(os.environ.get("XDG_RUNTIME_DIR", "/run")) / "mayfly"

faults = []


def fault(line):
    faults.append(line)
    print(line, flush=True)


def say(line):
    print(f"launches: {line}", file=sys.stderr, flush=True)


class Launches:
    """What all launches share: the program, its image, taps, a disk each, chance."""

    def __init__(self, mayfly, image, at_once, seed):
        self.mayfly, self.image, self.seed = mayfly, image, seed
        # Of whatever ran before.
        subprocess.run([self.mayfly, "gc"], check=True, stdout=subprocess.DEVNULL)
        self.killed = 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="launches."))
        for number in range(at_once):
            disk = self.folder / f"disk.{number}"
            disk.touch()
            os.truncate(disk, 1 << 20)
        for number in range(TAPS):
            make_tap(f"soak{number}")
        make_way_out()
        pathlib.Path("/proc/sys/vm/nr_hugepages").write_text(str(HUGE_PAGES_OF * GUEST_MIB // 2))

    def close(self):
        pathlib.Path("/proc/sys/vm/nr_hugepages").write_text("0")
        for name in glob.glob("/sys/class/net/soak*"):
            busybox("ip", "link", "delete", name.split("/")[-1])

    def chance_of(self, name):
        return random.Random(f"{self.seed} {name}")

    def options_of(self, name, slot):
        """Of the launch of that name, the only one in its slot."""
        chance = self.chance_of(name)
        given = [("id", 0.75, ["--id", name]),
                 ("user network", 0.0625, ["--net", "user"]),
                 # The others would take huge pages, too, where they are free.
                 ("pages", 0.25 if slot < HUGE_PAGES_OF else 1, ["--pages", "2m" if slot < HUGE_PAGES_OF else "thp"]),
                 ("sockets", 0.5, ["--vsock", str(self.folder / f"{name}.vsock")]),
                 ("disk", 0.25, ["--disk", str(self.folder / f"disk.{slot}")]),
                 ("processors", 0.125, ["--cpus", "2"]),
                 ("memory", 0.25, chance.choice((["--prefault", "all"], ["--balloon", "8M"]))),
                 ("tap", 0.5 if slot < TAPS else 0, ["--net", f"tap=soak{slot},ip=10.9.{slot}.2/24"])]
        return ["--memory", f"{GUEST_MIB}M", *(word for _, likely, words in given if chance.random() < likely for word in words)]

    def start(self, name, slot, command, **streams):
        """The process of a launch."""
        options = self.options_of(name, slot)
        # An unlinked file, so that nobody must read it for the launch to go on.
        said = tempfile.TemporaryFile(dir=self.folder)
        process = subprocess.Popen([self.mayfly, "run", "--image", self.image, *options, "--", *command], stdout=said, stderr=said, **streams)
        process.name, process.options, process.said = name, " ".join(options), said
        process.was_killed = False
        return process

    def kill(self, process):
        process.kill()
        process.was_killed = True
        self.killed += 1

    def collect_sockets(self):
        """The control socket of a killed run stays until `mayfly gc`, which takes no other's."""
        sockets = list(RUN_FOLDER.glob("*.sock"))
        if len(sockets) > self.killed:
            fault(f"{len(sockets)} × control socket left behind, where {self.killed} launches were killed: {sockets[0]}, …")
        subprocess.run([self.mayfly, "gc"], check=True, stdout=subprocess.DEVNULL)
        self.killed = 0


def make_tap(name):
    busybox("tunctl", "-t", name)
    busybox("ip", "link", "set", name, "up")


def make_way_out():
    """For passt, which wants a default route and a resolver."""
    if not re.search(r"^\S+\t00000000\t", leaks.text_of("/proc/net/route"), re.MULTILINE):
        make_tap("soakout")
        busybox("ip", "address", "add", "198.51.100.1/24", "dev", "soakout")
        busybox("ip", "route", "add", "default", "via", "198.51.100.254", "dev", "soakout")
    pathlib.Path("/etc/resolv.conf").write_text("nameserver 198.51.100.1\n")


def busybox(*words):
    subprocess.run(["busybox", *words], check=True, stdout=subprocess.DEVNULL)


def end(process, status=0):
    """Waits for a launch that is to end with that status, unless it was killed before it could."""
    try:
        process.wait(SECONDS_MAX)
    except subprocess.TimeoutExpired:
        fault(f"launch {process.name} ({process.options}) does not end: {stacks(process.pid)}")
        process.kill()
        process.wait()
    if process.returncode != status and not (process.was_killed and process.returncode == -signal.SIGKILL):
        process.said.seek(0)
        fault(f"launch {process.name} ({process.options}) ended with {process.returncode}, not {status}: {process.said.read()[-300:]!r}")
    process.said.close()


def stacks(pid):
    return " | ".join(leaks.text_of(f"/proc/{pid}/task/{task}/stack").replace("\n", " ") for task in os.listdir(f"/proc/{pid}/task"))


def in_a_row(launches, names, takes):
    """One after the other, a quarter of them killed at a random moment of what a launch takes, in seconds; what they took."""
    took = []
    for name in names:
        chance = launches.chance_of(f"{name} is killed")
        begin = time.monotonic()
        process = launches.start(name, 0, ["/bin/true"], stdin=subprocess.DEVNULL)
        if takes and chance.random() < 0.25:
            try:
                process.wait(chance.uniform(0, 1.2 * takes))
            except subprocess.TimeoutExpired:
                launches.kill(process)
        end(process)
        took.append(time.monotonic() - begin)
        if faults:
            break
        if len(took) % 100 == 0:
            say(f"{len(took)} of {len(names)}")
    return took


def is_ready(process):
    """Whether the workload has said its first line. Never waits."""
    return b"up" in os.pread(process.said.fileno(), 1 << 16, 0)


def at_once(launches, prefix, count, takes):
    """So many guests that all run; each then ends by itself, by a signal, or is killed; some were killed as they started."""
    chance = launches.chance_of(f"{prefix} are killed")
    processes = [launches.start(f"{prefix}{number}", number, ["/bin/sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE) for number in range(count)]
    deadline = time.monotonic() + SECONDS_MAX
    doomed = sorted(((time.monotonic() + chance.uniform(0, takes * count), process) for process in chance.sample(processes, count // 8)),
                    key=lambda pair: pair[0])
    while doomed or not all(is_ready(process) or process.was_killed for process in processes):
        while doomed and (doomed[0][0] < time.monotonic() or is_ready(doomed[0][1])):
            launches.kill(doomed.pop(0)[1])
        ended = [process for process in processes if process.poll() is not None and not process.was_killed]
        if ended or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    alive = [process for process in processes if process.poll() is None and is_ready(process)]
    say(f"{len(alive)} of {count} guests at once are ready, {sum(process.was_killed for process in processes)} were killed before")
    check_own_memory(launches, alive)
    for process in alive:
        process.how = chance.choice(("ends", "SIGTERM", "SIGKILL"))
        if process.how == "SIGKILL":
            launches.kill(process)
        elif process.how == "SIGTERM":
            process.terminate()
    for process in processes:
        process.stdin.close()
        end(process, 128 + signal.SIGTERM if getattr(process, "how", "") == "SIGTERM" else 0)


def check_own_memory(launches, processes):
    """Resident memory of each VMM beside guest RAM and image."""
    own = []
    for process in processes:
        smaps = launches.folder / "smaps"
        smaps.write_text(leaks.text_of(f"/proc/{process.pid}/smaps"))
        mappings = memory_figures.split(smaps, launches.image, GUEST_MIB * 1024)[0]
        smaps.unlink()
        own.append(sum(mapping["Rss"] for mapping in mappings))
        if own[-1] > OWN_KIB_MAX:
            largest = sorted(mappings, key=lambda mapping: -mapping["Rss"])[:4]
            fault(f"memory of the VMM: {own[-1]} KiB resident beside guest RAM in launch {process.name} ({process.options}), at most {OWN_KIB_MAX} are allowed; "
                  + ", ".join(f"{mapping['Rss']} of {mapping['size']} {mapping['name'] or 'anonymous'}" for mapping in largest))
    if own:
        say(f"resident memory of the VMM beside guest RAM and image: median {statistics.median(own):.0f} KiB, highest {max(own)} KiB")


def main():
    mayfly, image, count, together, seed = sys.argv[1:3] + [int(word) for word in sys.argv[3:6]]
    for folder in ("/tmp", "/var/tmp"):
        busybox("mount", "-t", "tmpfs", "tmpfs", folder)
    launches = Launches(mayfly, image, together, seed)
    takes = statistics.median(in_a_row(launches, [f"warm{number}" for number in range(WARM_UPS)], 0))
    at_once(launches, "warm-at-once", min(together, WARM_UPS), takes)
    launches.collect_sockets()
    before = leaks.Snapshot()
    say(f"a launch takes {takes:.2f} s; now {count} in a row, seed {seed}")
    in_a_row(launches, [f"row{number}" for number in range(count)], takes)
    say(f"{launches.killed} of them were killed")
    launches.collect_sockets()
    for line in [] if faults else leaks.leaks_since(before, count):
        fault(line)
    if not faults:
        at_once(launches, "at-once", together, takes)
        launches.collect_sockets()
        for line in leaks.leaks_since(before, count + together):
            fault(line)
    launches.close()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
