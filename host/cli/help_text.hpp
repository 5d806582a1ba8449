// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each command's --help says after its options.

namespace mayfly::cli {

inline constexpr const char* kRunFooter =
    R"(The workload's stdin, stdout and stderr are mayfly's; where stdin and stdout are a terminal, it gets one.
SIZE is a number of bytes, or of KiB, MiB, GiB, TiB with K, M, G, T. TIME is a number with ms, s, m or h.
The first SIGINT, SIGTERM, SIGHUP or SIGQUIT goes to the workload, a second one ends the VM.

Exit status: the workload's own, or
  124    --timeout ran out
  125    mayfly or the guest failed
  126    command cannot be executed
  127    command not found in the guest
  128+N  ended by signal N
  159    killed by --sandbox (SIGSYS): the kernel log tells more
A wrong command line is 125, too: lower numbers are the workload's.)";

inline constexpr const char* kBootFooter =
    R"(Each boot is a fresh mayfly, one after another, with stdin and output nowhere. Without COMMAND a boot ends when
all is ready for the image's own command, which is not run; with COMMAND, when that has ended with status 0.
Percentiles are of exec of mayfly to ready, by nearest rank: the p99 of fewer than 100 boots is the slowest.

Exit status: 0; 1 when --p50, --p95 or --p99 is exceeded; 124 when a boot took longer than --timeout; 125 when
one failed otherwise or the command line is wrong; 128+N when ended by signal N.)";

inline constexpr const char* kDeviceFooter =
    R"(list shows each device with its driver, IOMMU group, NUMA node and ways to be reset. bind gives devices to
vfio-pci, so that `mayfly run --device vfio=ADDRESS` can pass them through; it refuses one that the host uses (a disk
that is mounted, a network interface that is up) and a group of which the host keeps a part. unbind gives them back.
Until the next boot of the host; both need root.

serve opens devices that vfio-pci has and resets them ahead of time, says so of each, and lends them to
`mayfly run --device vfio=ADDRESS,broker=FILE`, so that no run waits for a reset. Devices joined by commas are lent to
one guest together. When a run has ended its devices are opened and reset anew; one that a process still has open is
quarantined until it is closed. Runs of the same user and of root are served. SIGTERM or SIGINT ends it, not the runs.

With memory=SIZE after its devices a lot has the guest's memory too, of pages=2m|1g|thp|4k (2m when not given) of node=N:
zeroed, populated and mapped for the devices before anybody asks, and made anew after each run. Such a guest, of just that
--memory, maps nothing. It needs RLIMIT_MEMLOCK of serve, not of the run.

Exit status: 0, or 125 when refused.)";

inline constexpr const char* kPoolFooter =
    R"(Each MEMORY is SIZE[,KEY=VALUE]..., such as 8G,pages=2m,count=4:
  pages=2m|1g|thp|4k   what it is made of; 2m when not given
  node=N               the NUMA node that it comes from; any when not given
  count=N              how much of it is kept ready, 1 when not given
  most=N               how much of it there is at most, what runs have included; as count when not given
It is filled at idle priority, and by an ordinary thread too while a run waits for it. Says on stdout when as much is
ready as is to be kept. Each run gets memory that nobody had before: what one gives back goes to the host, and new is
filled. Runs of the same user and of root are served, and keep what they have when the pool ends. SIGTERM or SIGINT ends it.

Exit status: 0, or 125 when refused.)";

inline constexpr const char* kDoctorFooter =
    R"(A line for each mechanism: its state, its name, what was found, what turns it on, and what that gains by whom.
  ok    there and on
  none  the host has not got it, or does not say
  hint  there, and off
  warn  `mayfly run` works, but less of it than this host has, or guests are not kept apart as they should be
  fail  `mayfly run` does not work

A recording holds no serial number, no address and not the kernel's command line; it can be read before it is sent.

Exit status: 0 when `mayfly run` will work, that is, when no line says fail; 1 when it will not; 125 when FILE
cannot be read or written or is no recording.)";

inline constexpr const char* kExitsFooter =
    R"(Counts by the processor's reason, what came to the VMM, vCPU, port, MMIO address, MSR, hypercall and vector of
interrupts that threads of the process sent, from KVM's trace events; and what KVM's own counters grew by, where debugfs
is mounted. Without PID, of the only process that has a VM. Needs root, or CAP_PERFMON and a tracefs that you may read.

Without --seconds until the VM ends or SIGINT comes: a table each second, or with --json one report at the end.
--compare says what a second of NEW has more or less than one of BASE, of two reports; or a whole run, of two
timelines that `mayfly run --timeline` wrote, which have mayfly's own counts and KVM's.

Exit status: 0, or 125 when nothing can be counted or read.)";

inline constexpr const char* kPsFooter =
    R"(Of the VMs of this user, in $XDG_RUNTIME_DIR/mayfly, else /run/mayfly for root, /tmp/mayfly-UID for others.

Exit status: 0, or 125 when that folder cannot be used.)";

inline constexpr const char* kStatusFooter =
    R"(State, when the guest was ready, memory with host memory behind it, what the balloon holds and is to hold, how
much is mapped for passed-through devices, exits to mayfly by reason.

Exit status: 0, or 125 when no VM has that id or it does not answer.)";

inline constexpr const char* kBalloonFooter =
    R"(For VMs with --balloon, without --device. SIZE is a multiple of 2M, may be 0, and leaves the guest 64M or more. The
guest follows in its own time: `mayfly status ID` says how far it is.

Exit status: 0, or 125 when refused.)";

inline constexpr const char* kExecFooter =
    R"(For VMs with --id or --vsock. The command's stdin, stdout and stderr are mayfly's; where stdin and stdout are a
terminal, it gets one. Variables, directory and user that are not given are those of the VM's own workload. Waits for
a VM that is still starting, 30 s at most. The first SIGINT, SIGTERM, SIGHUP or SIGQUIT goes to the command; a second
one, --timeout, and the end of this mayfly kill it and its process group. What it leaves running when it ends by itself
runs on, until the VM's own workload ends.

Exit status: the command's own, or
  124    --timeout ran out
  125    mayfly or the guest failed
  126    command cannot be executed
  127    command not found in the guest
  128+N  ended by signal N)";

inline constexpr const char* kLogsFooter =
    R"(Of VMs that `mayfly run --detach` has started, also when they have ended, until `mayfly gc` or another VM of the same id.
The last MiB of it is kept. Stdout on stdout, stderr on stderr; what mayfly itself says of the VM is on stderr too, each line
begun with "mayfly: ", or a JSON object where the VM was started with --log-format json.

Exit status: 0, or 125 when no VM of that id has a log.)";

inline constexpr const char* kStopFooter =
    R"(The workload gets SIGTERM, as if mayfly did, even if the VM is paused, which then goes on. After TIME the VM is ended
as by `mayfly kill`. Returns when the VM has ended.

Exit status: 0, or 125 when no VM has that id or it does not end.)";

inline constexpr const char* kKillFooter =
    R"(The guest is not asked, and `mayfly run` ends with exit status 137. Returns when the VM has ended.

Exit status: 0, or 125 when no VM has that id or it does not end.)";

inline constexpr const char* kWaitFooter =
    R"(Exit status: that of the VM's `mayfly run`; 125 also when no VM has that id, or it is killed without saying one.)";

inline constexpr const char* kPauseFooter =
    R"(pause returns when no CPU of the guest runs; its clock goes on, and is right after `mayfly resume`. So does what the
host does for it, and the time of `mayfly run --timeout`.

Exit status: 0, or 125 when no VM has that id, or it is paused already (resume: it is not).)";

inline constexpr const char* kMetricsFooter =
    R"(Of the VMs that are named, else of all of this user. In Prometheus' text format: state, uptime, memory, balloon, disks,
sockets and exits of each VM, as `mayfly status --json` has them, with its id as a label. For a scraper that reads files:
mayfly metrics >FILE.new && mv FILE.new FILE

Exit status: 0, or 125 when no VM has such an id or it does not answer. Without one, VMs that do not answer are left out.)";

inline constexpr const char* kGcFooter =
    R"(A mayfly that ends by SIGKILL leaves its control socket, each detached VM its log. Removes those, and says whose they
were, an id a line. VMs that run are left alone. Of groups it says folder and id.

Exit status: 0, or 125 when one cannot be removed.)";

inline constexpr const char* kFooter = R"(Commands:
  run                       Run a command in a new microVM
  boot                      Boot many times and say how long it takes
  device                    Show the host's PCI devices, give them to vfio-pci or back, and lend them
  ps                        List the VMs that run
  exec                      Run a further command in a VM that runs
  status, balloon           Say what a VM is doing; have it lend memory
  stop, kill, wait          End a VM; wait for its end
  pause, resume             Have a VM stand still, and go on
  logs                      Print what a detached VM has written
  metrics                   Print what VMs say of themselves for Prometheus
  gc                        Remove what killed VMs have left
  pool                      Keep zeroed memory ready for runs
  doctor                    Check what this host has for microVMs, and say what to do about the rest
  exits                     Count why guests leave their CPU, live or as a report, and compare two
  timeline                  Draw the timeline that `mayfly run --timeline` wrote, or convert it
  completion                Print a completion script for a shell

`mayfly COMMAND --help` says more about each.)";

}  // namespace mayfly::cli
