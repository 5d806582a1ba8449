// SPDX-License-Identifier: Apache-2.0
#include "sandbox/filters.hpp"

#include <cstring>
#include <set>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/system_calls.hpp"

namespace mayfly::sandbox {
namespace {

constexpr std::array kKinds{ThreadKind::kMain,    ThreadKind::kVcpu,    ThreadKind::kStdio,
                            ThreadKind::kMapper,  ThreadKind::kControl, ThreadKind::kIo,
                            ThreadKind::kSockets, ThreadKind::kDisk};
constexpr int kFolder = 77;                 // that files may be removed from
constexpr std::uint32_t kX32 = 0x40000000;  // __X32_SYSCALL_BIT

struct Answer {
  std::uint32_t verdict;
  std::size_t steps;
};

// What the kernel does with a program (Documentation/networking/filter.rst), for the instructions that we
// use.
Answer interpret(const ReadyFilter& filter, const seccomp_data& data) {
  std::uint32_t loaded = 0;
  std::size_t at = 0;
  for (std::size_t steps = 1; at < filter.size; ++steps) {
    const sock_filter& each = filter.instructions.at(at);
    bool holds = false;
    switch (each.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&loaded, reinterpret_cast<const char*>(&data) + each.k, sizeof(loaded));
        ++at;
        continue;
      case BPF_RET | BPF_K:
        return {each.k, steps};
      case BPF_JMP | BPF_K | BPF_JEQ:
        holds = loaded == each.k;
        break;
      case BPF_JMP | BPF_K | BPF_JGE:
        holds = loaded >= each.k;
        break;
      case BPF_JMP | BPF_K | BPF_JSET:
        holds = (loaded & each.k) != 0;
        break;
      default:
        ADD_FAILURE() << "instruction " << at << " is unknown: " << each.code;
        return {0, steps};
    }
    at += 1U + (holds ? each.jt : each.jf);
  }
  ADD_FAILURE() << "the program runs past its end";
  return {0, 0};
}

// What the kernel answers a thread of that kind: it asks all filters, and the strictest answer counts.
std::uint32_t answer(ThreadKind kind, Mode mode, const seccomp_data& data, int folder = kFolder) {
  std::uint32_t verdict = interpret(ready_filter(kind, mode, folder), data).verdict;
  if (kind != ThreadKind::kMain && !is_before_main(kind)) {
    const std::uint32_t inherited = interpret(ready_filter(ThreadKind::kMain, mode, folder), data).verdict;
    // As signed numbers: SECCOMP_RET_KILL_PROCESS is the least (seccomp(2)).
    verdict = static_cast<std::int32_t>(inherited & SECCOMP_RET_ACTION_FULL) <
                      static_cast<std::int32_t>(verdict & SECCOMP_RET_ACTION_FULL)
                  ? inherited
                  : verdict;
  }
  return verdict;
}

bool holds(const Condition& condition, const seccomp_data& data) {
  const auto argument = static_cast<std::uint32_t>(data.args[condition.argument]);
  switch (condition.kind) {
    case Condition::Kind::kNone:
      return true;
    case Condition::Kind::kIs:
      return argument == condition.value;
    case Condition::Kind::kHasNoneOf:
      return (argument & condition.value) == 0;
    case Condition::Kind::kIsOwnProcess:
      return argument == static_cast<std::uint32_t>(::getpid());
    case Condition::Kind::kIsOwnFolder:
      return argument == static_cast<std::uint32_t>(kFolder);
  }
  return false;
}

// What the table says, without a program.
std::uint32_t by_table(Threads wanted, const seccomp_data& data) {
  for (const Rule& rule : kRules) {
    if ((rule.threads & wanted) != 0 && static_cast<std::uint32_t>(data.nr) == rule.call &&
        holds(rule.conditions[0], data) && holds(rule.conditions[1], data)) {
      return rule.verdict == Verdict::kAllow ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS;
    }
  }
  return SECCOMP_RET_KILL_PROCESS;
}

// All values that a rule compares an argument with, and their neighbours.
std::set<std::uint64_t> values_of_interest() {
  std::set<std::uint64_t> values{0,
                                 1,
                                 2,
                                 PROT_EXEC,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_EXEC,
                                 ~0ULL,
                                 kFolder,
                                 static_cast<std::uint64_t>(::getpid()),
                                 static_cast<std::uint64_t>(::getppid())};
  for (const Rule& rule : kRules) {
    for (const Condition& condition : rule.conditions) {
      for (const int by : {-1, 0, 1}) {
        values.insert(static_cast<std::uint32_t>(condition.value + static_cast<std::uint32_t>(by)));
      }
    }
  }
  return values;
}

using Arguments = std::array<std::uint64_t, 6>;

seccomp_data call_of(std::uint32_t number, const Arguments& arguments = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return data;
}

TEST(Filters, ProgramsDoWhatTheTableSays) {
  const std::set<std::uint64_t> values = values_of_interest();
  for (const ThreadKind kind : kKinds) {
    for (std::uint32_t number = 0; number < 600; ++number) {
      for (const std::uint64_t value : values) {
        for (const Arguments& arguments : {Arguments{value},
                                           {0, value},
                                           {1, value},
                                           {0, 0, value},
                                           {0, 0, 0, value},
                                           {0, 0, 0, 0, 0, value},
                                           {value, value, value, value, value, value}}) {
          const seccomp_data data = call_of(number, arguments);
          ASSERT_EQ(answer(kind, Mode::kOn, data), by_table(with_started(kind), data))
              << "call " << number << " with " << arguments[0] << ", " << arguments[1] << ", " << arguments[2]
              << " by thread kind " << static_cast<int>(kind);
        }
      }
    }
  }
}

TEST(Filters, WithoutAFolderNothingIsRemoved) {
  constexpr auto kNone = static_cast<std::uint64_t>(kNoFolder);
  for (const ThreadKind kind : kKinds) {
    for (const std::uint64_t folder : {std::uint64_t{0}, std::uint64_t{kFolder}, kNone}) {
      EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_unlinkat, {folder, 0, 0}), kNoFolder),
                SECCOMP_RET_KILL_PROCESS)
          << folder;
    }
  }
}

TEST(Filters, OtherArchitecturesAreDenied) {
  const ReadyFilter filter = ready_filter(ThreadKind::kMain, Mode::kOn);
  seccomp_data data = call_of(SYS_futex);
  EXPECT_EQ(interpret(filter, data).verdict, SECCOMP_RET_ALLOW);
  data.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(interpret(filter, data).verdict, SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(interpret(filter, call_of(SYS_futex | kX32)).verdict, SECCOMP_RET_KILL_PROCESS);
}

TEST(Filters, RunningAVcpuIsDecidedFirst) {
  const Answer answer =
      interpret(ready_filter(ThreadKind::kVcpu, Mode::kOn), call_of(SYS_ioctl, {3, KVM_RUN, 0}));
  EXPECT_EQ(answer.verdict, SECCOMP_RET_ALLOW);
  EXPECT_LE(answer.steps, 7U);
}

TEST(Filters, NothingIsKilledInLogMode) {
  const ReadyFilter filter = ready_filter(ThreadKind::kMain, Mode::kLog);
  EXPECT_EQ(interpret(filter, call_of(SYS_execve)).verdict, SECCOMP_RET_LOG);
  for (std::size_t i = 0; i < filter.size; ++i) {
    EXPECT_FALSE(filter.instructions[i].code == (BPF_RET | BPF_K) &&
                 filter.instructions[i].k == SECCOMP_RET_KILL_PROCESS);
  }
}

// Whatever a thread is found to call: these it must not, of whatever kind it is.
TEST(Filters, WhatReachesOutIsForNobody) {
  for (const ThreadKind kind : kKinds) {
    for (const int number : {SYS_open,
                             SYS_openat,
                             SYS_openat2,
                             SYS_creat,
                             SYS_execve,
                             SYS_execveat,
                             SYS_socket,
                             SYS_connect,
                             SYS_bind,
                             SYS_fork,
                             SYS_vfork,
                             SYS_kill,
                             SYS_tkill,
                             SYS_ptrace,
                             SYS_process_vm_readv,
                             SYS_process_vm_writev,
                             SYS_mount,
                             SYS_unshare,
                             SYS_setns,
                             SYS_bpf,
                             SYS_io_uring_setup,
                             SYS_userfaultfd,
                             SYS_keyctl,
                             SYS_memfd_create,
                             SYS_prctl,
                             SYS_setuid,
                             SYS_chroot,
                             SYS_unlink,
                             SYS_rename,
                             SYS_sendmsg,
                             SYS_pidfd_getfd}) {
      EXPECT_EQ(answer(kind, Mode::kOn, call_of(static_cast<std::uint32_t>(number), {1, 1, 1})),
                SECCOMP_RET_KILL_PROCESS)
          << number;
    }
    EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_clone, {SIGCHLD, 0, 0})), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_ioctl, {0, TIOCSTI, 0})), SECCOMP_RET_KILL_PROCESS);
  }
}

// A run whose guest has no sockets.
TEST(Filters, WhatSocketsNeedOtherThreadsOfDevicesHaveNot) {
  constexpr Arguments kFlags{0, 0, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0};
  for (const int number : {SYS_accept4, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_shutdown, SYS_close}) {
    const seccomp_data data = call_of(static_cast<std::uint32_t>(number), kFlags);
    EXPECT_EQ(answer(ThreadKind::kSockets, Mode::kOn, data), SECCOMP_RET_ALLOW) << number;
    EXPECT_EQ(answer(ThreadKind::kIo, Mode::kOn, data), SECCOMP_RET_KILL_PROCESS) << number;
  }
}

// A disk's threads wait without one.
TEST(Filters, TheIoThreadAloneSetsATimer) {
  for (const ThreadKind kind : kKinds) {
    const bool is_io = kind == ThreadKind::kIo || kind == ThreadKind::kSockets;
    EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_timerfd_settime)),
              is_io ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
  }
}

// A tap that a new driver has, and which of its queues.
TEST(Filters, TheIoThreadAloneChangesATap) {
  for (const ThreadKind kind : kKinds) {
    const bool is_io = kind == ThreadKind::kIo || kind == ThreadKind::kSockets;
    for (const std::uint64_t request : {TUNSETOFFLOAD, TUNSETQUEUE}) {
      EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_ioctl, {3, request, 0})),
                is_io ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
    }
    EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_ioctl, {3, TUNSETIFF, 0})), SECCOMP_RET_KILL_PROCESS);
  }
}

// What a new driver has is told by the I/O thread; vCPU and control socket only stop it, or let it go on.
TEST(Filters, NoThreadGivesVhostOtherMemoryOrEvents) {
  for (const ThreadKind kind : kKinds) {
    const bool is_io = kind == ThreadKind::kIo || kind == ThreadKind::kSockets;
    const auto expect = [kind](std::uint64_t request, bool allowed) {
      EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_ioctl, {3, request, 0})),
                allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS)
          << request;
    };
    for (const std::uint64_t request :
         {io::kVhostSetFeatures, io::kVhostSetRingSize, io::kVhostSetRingBase, io::kVhostSetRingAreas}) {
      expect(request, is_io);
    }
    for (const std::uint64_t request : {io::kVhostNetSetBackend, io::kVhostVsockSetRunning}) {
      expect(request, (with_started(kind) & (kVcpu | kControl | kIo)) != 0 && kind != ThreadKind::kStdio);
    }
    for (const std::uint64_t request :
         {io::kVhostSetOwner, io::kVhostSetMemory, io::kVhostSetRingKick, io::kVhostSetRingCall,
          io::kVhostSetRingError, io::kVhostVsockSetGuestCid}) {
      expect(request, false);
    }
  }
}

// Its files are open; what is in them is all that it comes to.
TEST(Filters, WhatADiskNeedsNoOtherThreadHas) {
  for (const ThreadKind kind : kKinds) {
    const std::uint32_t expected = kind == ThreadKind::kDisk ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
    for (const int number : {SYS_fdatasync, SYS_fallocate}) {
      EXPECT_EQ(answer(kind, Mode::kOn, call_of(static_cast<std::uint32_t>(number))), expected) << number;
    }
    EXPECT_EQ(answer(kind, Mode::kOn, call_of(SYS_ioctl, {3, BLKDISCARD, 0})), expected);
  }
  for (const int number : {SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev}) {
    EXPECT_EQ(answer(ThreadKind::kDisk, Mode::kOn, call_of(static_cast<std::uint32_t>(number))),
              SECCOMP_RET_KILL_PROCESS)
        << "preadv2 and pwritev2 do all of that: " << number;
  }
}

TEST(Filters, CallsAreFew) {
  EXPECT_LE(count_allowed(kRules, with_started(ThreadKind::kVcpu)), 30U);
  EXPECT_LE(count_allowed(kRules, kAll), 50U);
  // The kernel counts what the programs cost it: 32768 instructions for a thread, with all that it inherits.
  std::size_t all = 0;
  for (const ThreadKind kind : kKinds) {
    all += ready_filter(kind, Mode::kOn).size;
  }
  EXPECT_LT(all, 1024U);
  RecordProperty("main", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kMain))));
  RecordProperty("vcpu", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kVcpu))));
  RecordProperty("stdio", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kStdio))));
  RecordProperty("mapper", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kMapper))));
  RecordProperty("control", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kControl))));
  RecordProperty("io", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kIo))));
  RecordProperty("sockets", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kSockets))));
  RecordProperty("disk", static_cast<int>(count_allowed(kRules, with_started(ThreadKind::kDisk))));
  RecordProperty("all", static_cast<int>(count_allowed(kRules, kAll)));
}

// The status of a child that installs a filter, makes one call and leaves.
int status_after(ThreadKind kind, Mode mode, long number) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool installed = ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
                           (is_before_main(kind) || install_filter(ThreadKind::kMain, mode) == 0) &&
                           install_filter(kind, mode) == 0;
    ::syscall(number, 0L, 0L, 0L, 0L);
    ::syscall(SYS_exit, installed ? 7 : 8);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(Filters, ACallOutsideKills) {
  for (const ThreadKind kind : kKinds) {
    const int inside = status_after(kind, Mode::kOn, SYS_gettid);
    EXPECT_TRUE(WIFEXITED(inside) && WEXITSTATUS(inside) == 7) << inside;
    const int outside = status_after(kind, Mode::kOn, SYS_getppid);
    EXPECT_TRUE(WIFSIGNALED(outside) && WTERMSIG(outside) == SIGSYS) << outside;
    const int logged = status_after(kind, Mode::kLog, SYS_getppid);
    EXPECT_TRUE(WIFEXITED(logged) && WEXITSTATUS(logged) == 7) << logged;
  }
}

}  // namespace
}  // namespace mayfly::sandbox
