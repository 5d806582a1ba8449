# SPDX-License-Identifier: Apache-2.0
"""Calls `mayfly exec` many times in one VM that is there; says what that leaves behind in mayfly, in the guest and on the host.

    unshare --mount execs.py MAYFLY IMAGE CALLS SEED

What each call does comes from SEED and its number. All is looked at after a tenth of the calls, 1,000 at most, and at the end. One line
a fault on stdout, what was done on stderr. Exit status 1 when there was a fault.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import leaks
import launches as runs

GUEST_MIB = 128
ID = "soak-warm"
AT_ONCE = 4
WARM_UPS = 4
# What a program may take meanwhile, and the guest as a whole, in KiB: of 10,000 calls none may keep 14 bytes, or the guest 240.
OWN_TOLERANCE_KIB = 128
GUEST_TOLERANCE_KIB = 2048
# Of the guest: open files, processes with a program, slots of init's descriptors and its memory, memory that is not to be had.
LOOK = """n=0; for f in /proc/[0-9]*/cmdline; do read -r words <$f; [ -z "$words" ] || n=$((n + 1)); done 2>/dev/null; echo processes $n
read -r open rest </proc/sys/fs/file-nr; echo open_files $open
grep -E '^(FDSize|VmRSS|Threads)' /proc/1/status; grep -E '^(MemTotal|MemAvailable)' /proc/meminfo"""


class Warm:
    """A VM that serves all calls, as long as its context lasts. Ends the program when it does not start."""

    def __init__(self, mayfly, image):
        self.mayfly, self.image = mayfly, image

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="execs."))
        self.said = open(self.folder / "said", "w+b")
        self.process = subprocess.Popen([self.mayfly, "run", "--id", ID, "--image", self.image, "--memory", f"{GUEST_MIB}M", "--", "sleep", "infinity"],
                                        stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)
        deadline = time.monotonic() + runs.SECONDS_MAX
        while self.call(["/bin/true"], stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.said.seek(0)
                runs.fault(f"the VM does not take commands: {self.said.read()[-300:]!r}")
                sys.exit(1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        if self.process.wait(runs.SECONDS_MAX) != 128 + signal.SIGTERM:
            runs.fault(f"the VM ended with {self.process.returncode}, not {128 + signal.SIGTERM}")
        self.said.close()
        shutil.rmtree(self.folder)

    def call(self, command, **options):
        return subprocess.run([self.mayfly, "exec", ID, "--", *command], timeout=runs.SECONDS_MAX, check=False, **options)

    def call_begin(self, command, **options):
        return subprocess.Popen([self.mayfly, "exec", ID, "--", *command], **options)

    def look(self):
        """{what: value} of mayfly and the guest; a set where things are named."""
        pid = self.process.pid
        smaps = self.folder / "smaps"
        smaps.write_text(leaks.text_of(f"/proc/{pid}/smaps"))
        own = runs.memory_figures.measure(smaps, self.image, GUEST_MIB * 1024)["own_rss_kib"]
        answer = self.call(["sh", "-c", LOOK], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        guest = {line.split()[0].rstrip(":"): int(line.split()[1]) for line in answer.stdout.splitlines()}
        return {
            "descriptor of mayfly": {f"{path.split('/')[-1]}: {target}" for path, target in leaks.links_in(f"/proc/{pid}/fd/*").items()},
            "thread of mayfly": set(os.listdir(f"/proc/{pid}/task")),
            "memory of mayfly, KiB": (own, OWN_TOLERANCE_KIB),
            "process of the guest": (guest["processes"], 0),
            "open file of the guest": (guest["open_files"], leaks.OPEN_FILES_TOLERANCE),
            "slot for a descriptor of the guest's init": (guest["FDSize"], 0),
            "thread of the guest's init": (guest["Threads"], 0),
            "memory of the guest's init, KiB": (guest["VmRSS"], OWN_TOLERANCE_KIB),
            "memory of the guest, KiB": (guest["MemTotal"] - guest["MemAvailable"], GUEST_TOLERANCE_KIB),
        }


def growth(before, after):
    """A line for each that has grown by more than is tolerated."""
    lines = []
    for what in before:
        now = after[what]
        if isinstance(now, set):
            new = sorted(now - before[what]) if len(now) > len(before[what]) else []
            if new:
                lines.append(leaks.left_behind(what, new))
        else:
            value, tolerance = now
            if value - before[what][0] > tolerance:
                lines.append(f"{value - before[what][0]} × {what} left behind: {before[what][0]} before, {value} after, {tolerance} are tolerated")
    return lines


def call_once(warm, chance):
    """One call of some kind: most are short; one in eight writes much, is killed, or has others beside it."""
    kind = chance.choice(("short",) * 14 + ("bytes", "killed"))
    if kind == "short":
        status = chance.randrange(3)
        got = warm.call(["/bin/true"] if status == 0 else ["sh", "-c", f"exit {status}"], stdin=subprocess.DEVNULL, stdout=warm.said, stderr=warm.said)
        if got.returncode != status:
            runs.fault(f"a call ends with {got.returncode}, not {status}")
    elif kind == "bytes":
        sent = chance.randbytes(1 << 16)
        got = warm.call(["cat"], input=sent, stdout=subprocess.PIPE)
        if got.returncode != 0 or got.stdout != sent:
            runs.fault(f"a call that sends its input back ends with {got.returncode} and {len(got.stdout)} bytes of {len(sent)}")
    else:
        clients = [warm.call_begin(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=warm.said, stderr=warm.said) for _ in range(AT_ONCE)]
        time.sleep(chance.uniform(0, 0.5))
        for client in clients:
            client.kill()
            client.wait()


def call_often(warm, first, last, seed):
    for number in range(first, last):
        if warm.process.poll() is not None:
            runs.fault(f"the VM has ended with {warm.process.returncode}")
        if runs.faults:
            return
        call_once(warm, random.Random(f"{seed} {number}"))
        if (number + 1) % 1000 == 0:
            runs.say(f"{number + 1} calls")


def look_in_the_end(warm, before, seconds=60):
    """A look once nothing in it has grown, or after so many seconds: what was killed takes its time. Says what has grown."""
    deadline = time.monotonic() + seconds
    while (lines := growth(before, after := warm.look())) and time.monotonic() < deadline:
        time.sleep(1)
    for line in lines:
        runs.fault(line)
    return after


def main():
    mayfly, image, calls, seed = sys.argv[1:3] + [int(word) for word in sys.argv[3:5]]
    for folder in ("/tmp", "/var/tmp"):
        runs.busybox("mount", "-t", "tmpfs", "tmpfs", folder)
    with Warm(mayfly, image) as warm:
        call_often(warm, 0, WARM_UPS, seed)
    before_all = leaks.Snapshot()
    with Warm(mayfly, image) as warm:
        first = min(1000, calls // 10)
        begin = warm.look()
        call_often(warm, 0, first, seed)
        # Its memory is its own by then.
        before = look_in_the_end(warm, {what: begin[what] for what in ("descriptor of mayfly", "process of the guest")})
        call_often(warm, first, calls, seed)
        if not runs.faults:
            look_in_the_end(warm, before)
    for line in leaks.leaks_since(before_all, calls):
        runs.fault(line)
    return 1 if runs.faults else 0


if __name__ == "__main__":
    sys.exit(main())
