// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/vfio.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>

#include "io/vhost_abi.hpp"
#include "kvm/abi.hpp"
#include "sandbox/bpf_program.hpp"
#include "sandbox/rules.hpp"
#include "vfio/iommufd_abi.hpp"

namespace mayfly::sandbox {

/// Does the thread itself do it.
inline constexpr Threads kMain = threads(ThreadKind::kMain);
inline constexpr Threads kVcpu = threads(ThreadKind::kVcpu);
inline constexpr Threads kStdio = threads(ThreadKind::kStdio);
inline constexpr Threads kMapper = threads(ThreadKind::kMapper);
inline constexpr Threads kControl = threads(ThreadKind::kControl);
inline constexpr Threads kSockets = threads(ThreadKind::kSockets);
/// The I/O thread, whatever it has.
inline constexpr Threads kIo = threads(ThreadKind::kIo) | kSockets;
inline constexpr Threads kDisk = threads(ThreadKind::kDisk);
inline constexpr Threads kAll = kMain | kVcpu | kStdio | kMapper | kControl | kIo | kDisk;
/// Those that start threads.
inline constexpr Threads kStarters = kMain | kVcpu | kStdio;

/// What glibc starts a thread with (sysdeps/unix/sysv/linux/createthread.c, pthread_create.c); a process of
/// its own it is not.
inline constexpr std::uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM |
                                              CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS |
                                              CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
/// MADV_POPULATE_WRITE (Linux 5.14): not in the oldest headers.
inline constexpr std::uint32_t kPopulateWrite = 23;

/// All system calls that there are once a guest runs, and who needs each for what. The kernel answers a call
/// that needs no look at its arguments from a bitmap.
inline constexpr std::array kRules{
    // --- ioctl, by request: this comes first, and of it KVM_RUN.
    // A vCPU enters the guest.
    Rule{SYS_ioctl, kVcpu, {is(1, KVM_RUN)}},
    // The guest is told that it was paused.
    Rule{SYS_ioctl, kVcpu, {is(1, KVM_KVMCLOCK_CTRL)}},
    // An interrupt for the guest, from a device's answer on any thread.
    Rule{SYS_ioctl, kAll, {is(1, KVM_SIGNAL_MSI)}},
    // The guest moves a BAR, or reads where a page of ours was shown.
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, KVM_SET_USER_MEMORY_REGION)}},
    // The guest moves a BAR whose writes were events.
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, KVM_IOEVENTFD)}},
    // The guest of a passed-through device sets up its interrupts; main takes them down.
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, VFIO_DEVICE_SET_IRQS)}},
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, VFIO_DEVICE_GET_IRQ_INFO)}},
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, KVM_IRQFD)}},
    Rule{SYS_ioctl, kMain | kVcpu, {is(1, KVM_SET_GSI_ROUTING)}},
    // Memory for devices, and with peers=yes BARs, which move when the guest says so.
    Rule{SYS_ioctl, kMain | kVcpu | kMapper, {is(1, VFIO_IOMMU_MAP_DMA)}},
    Rule{SYS_ioctl, kMain | kVcpu | kMapper, {is(1, VFIO_IOMMU_UNMAP_DMA)}},
    Rule{SYS_ioctl, kMain | kMapper, {is(1, vfio::kIoasMap)}},
    Rule{SYS_ioctl, kMain | kMapper, {is(1, vfio::kIoasUnmap)}},
    // --timeline: what KVM has counted.
    Rule{SYS_ioctl, kMain, {is(1, KVM_GET_STATS_FD)}},
    // What a new driver of the guest takes of a tap.
    Rule{SYS_ioctl, kIo, {is(1, TUNSETOFFLOAD)}},
    // How many queues of a tap the driver uses.
    Rule{SYS_ioctl, kIo, {is(1, TUNSETQUEUE)}},
    // A new driver of queues that the host's kernel is to serve.
    Rule{SYS_ioctl, kIo, {is(1, io::kVhostSetFeatures)}},
    Rule{SYS_ioctl, kIo, {is(1, io::kVhostSetRingSize)}},
    Rule{SYS_ioctl, kIo, {is(1, io::kVhostSetRingBase)}},
    Rule{SYS_ioctl, kIo, {is(1, io::kVhostSetRingAreas)}},
    // It goes on; or stands still, when the guest resets it and while the machine is paused.
    Rule{SYS_ioctl, kVcpu | kControl | kIo, {is(1, io::kVhostNetSetBackend)}},
    Rule{SYS_ioctl, kVcpu | kControl | kIo, {is(1, io::kVhostVsockSetRunning)}},
    // The guest no longer needs a part of a disk that is a block device.
    Rule{SYS_ioctl, kDisk, {is(1, BLKDISCARD)}},
    // Is stdin's terminal ours yet: tcgetpgrp.
    Rule{SYS_ioctl, kStdio, {is(1, TIOCGPGRP)}},
    // The caller's terminal: its size, and its mode back at the end.
    Rule{SYS_ioctl, kMain, {is(1, TIOCGWINSZ)}},
    Rule{SYS_ioctl, kMain, {is(1, TCGETS)}},
    Rule{SYS_ioctl, kMain, {is(1, TCSETS)}},

    // --- locks and time, of all
    Rule{SYS_futex, kAll},
    // Where the host's clock is none of the vDSO's.
    Rule{SYS_clock_gettime, kAll},
    // The kernel's own, after a stop by SIGSTOP in a wait with a limit.
    Rule{SYS_restart_syscall, kAll},

    // --- descriptors that are open
    // eventfds, stdin, signals.
    Rule{SYS_read, kMain | kStdio | kIo},
    // eventfds, stdout and stderr, the console, the timeline, a last sentence on stderr.
    Rule{SYS_write, kAll},
    // Configuration space and BARs of passed-through devices; KVM's counters; packets, between a tap and
    // guest memory; disks; the log of a detached run (base/positioned_io.hpp).
    Rule{SYS_preadv2, kMain | kVcpu | kIo | kDisk | kStdio},
    Rule{SYS_pwritev2, kMain | kVcpu | kIo | kDisk | kStdio},
    // What a disk was given is there after a loss of power; what it need not keep, and what is to be zero.
    Rule{SYS_fdatasync, kDisk},
    Rule{SYS_fallocate, kDisk},
    // Somebody made stdio non-blocking; has a passed-through device's eventfd an event; has --events room.
    Rule{SYS_poll, kMain | kVcpu | kStdio | kControl},
    // The run loop sleeps, and the control socket's server.
    Rule{SYS_ppoll, kMain | kControl},
    // The I/O thread sleeps; devices say what for. A disk's sleep until the guest rings.
    Rule{SYS_epoll_wait, kIo | kDisk},
    Rule{SYS_epoll_ctl, kIo},
    // Clients of the control socket: who they are, what they ask, what they are told.
    // Clients of a guest's sockets: what they send and are sent, on connections alone, to no address.
    Rule{SYS_accept4, kControl | kSockets, {is(3, SOCK_CLOEXEC | SOCK_NONBLOCK)}},
    Rule{SYS_getsockopt, kControl, {is(2, SO_PEERCRED)}},
    Rule{SYS_geteuid, kControl},
    Rule{SYS_recvfrom, kControl | kSockets},
    Rule{SYS_sendto, kControl | kSockets, {is(5, 0)}},
    // A stream that another process has connected for the guest.
    Rule{SYS_recvmsg, kSockets, {is(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}},
    // A guest's socket, or its client, sends or takes no more.
    Rule{SYS_shutdown, kSockets},
    // When a client, or the guest, has taken too long; when a network device that is held by its limit goes
    // on.
    Rule{SYS_timerfd_settime, kIo},
    // The interrupts of a passed-through device, each as the guest first uses it.
    Rule{SYS_eventfd2, kMain | kVcpu},
    Rule{SYS_close, kMain | kVcpu | kControl | kSockets},
    // The timeline goes over what was in its file.
    Rule{SYS_ftruncate, kMain},
    // The control socket goes with its VM. Landlock lets nothing be removed anywhere else.
    Rule{SYS_unlinkat, kMain | kControl, {is_own_folder(0), is(2, 0)}},
    // Entropy for the guest.
    Rule{SYS_getrandom, kVcpu},

    // --- memory, none of it executable
    Rule{SYS_mmap, kAll, {has_none_of(2, PROT_EXEC)}},
    Rule{SYS_mprotect, kAll, {has_none_of(2, PROT_EXEC)}},
    Rule{SYS_munmap, kAll},
    Rule{SYS_brk, kAll},
    Rule{SYS_mremap, kMain | kControl},
    // Stacks of threads that end; memory that the balloon holds, private.
    Rule{SYS_madvise, kAll, {is(2, MADV_DONTNEED)}},
    // Memory that the balloon holds, in a file.
    Rule{SYS_madvise, kMain | kVcpu, {is(2, MADV_REMOVE)}},
    // Memory for devices is populated before it is mapped.
    Rule{SYS_madvise, kMapper, {is(2, kPopulateWrite)}},
    // --timeline, --prefault boot and `mayfly status`: how much of guest memory is there.
    Rule{SYS_mincore, kMain | kControl},

    // --- threads: start, signals among ourselves, end
    Rule{SYS_clone, kStarters, {is(0, kThreadFlags)}},
    // Its flags lie in memory, where no filter sees them. glibc takes clone() then.
    Rule{SYS_clone3, kStarters, {}, Verdict::kNotThere},
    Rule{SYS_set_robust_list, kStarters},
    Rule{SYS_rseq, kStarters},
    // The filter of a thread that starts; it can only take away.
    Rule{SYS_seccomp, kStarters, {is(0, SECCOMP_SET_MODE_FILTER), is(1, 0)}},
    // With --dedicated: vCPUs have their CPUs, stdio threads go where main is.
    Rule{SYS_sched_getaffinity, kStarters},
    Rule{SYS_sched_setaffinity, kStarters},
    Rule{SYS_rt_sigprocmask, kAll},
    Rule{SYS_rt_sigreturn, kAll},
    // Handlers as they were before, at the end.
    Rule{SYS_rt_sigaction, kMain},
    // pthread_kill, and abort.
    Rule{SYS_getpid, kAll},
    Rule{SYS_gettid, kAll},
    Rule{SYS_tgkill, kAll, {is_own_process(0)}},
    // Is stdin's terminal ours yet.
    Rule{SYS_getpgrp, kStdio},
    Rule{SYS_exit, kAll},
    Rule{SYS_exit_group, kMain},
};

/// Who inherits a thread's filter: whom it starts, and whom they start.
constexpr Threads with_started(ThreadKind kind) noexcept {
  switch (kind) {
    case ThreadKind::kMain:
      return kMain | kVcpu | kStdio | kControl;
    case ThreadKind::kVcpu:
      return kVcpu | kStdio;
    case ThreadKind::kStdio:
    case ThreadKind::kMapper:
    case ThreadKind::kControl:
    case ThreadKind::kIo:
    case ThreadKind::kSockets:
    case ThreadKind::kDisk:
      break;
  }
  return threads(kind);
}

static_assert(count_allowed(kRules, with_started(ThreadKind::kVcpu)) <= 30);
static_assert(count_allowed(kRules, kAll) <= 50);

}  // namespace mayfly::sandbox
