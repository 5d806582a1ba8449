// SPDX-License-Identifier: Apache-2.0
//
// Times commands from exec to their first entry into a guest, on this machine:
//
//   bench-first-entry ROUNDS COMMAND... --against COMMAND...      microseconds, a line a round: the first's,
//   the second's
//
// Both are timed by the same means, one that costs neither of them anything on the way: a seccomp filter
// stops the process at its first KVM_RUN and at nothing else (and ptrace at new threads, which the filter
// must follow). There it is killed. The two take turns, and who begins changes from round to round.
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kSecondsMax = 60;

[[noreturn]] void die(const std::string& what) {
  (void)std::fprintf(stderr, "bench-first-entry: %s\n", what.c_str());
  std::exit(1);
}

// Stops the caller's process, and what it execs, at ioctl(..., KVM_RUN, ...).
bool trace_first_entry() {
  constexpr std::uint32_t kCall = offsetof(seccomp_data, nr);
  constexpr std::uint32_t kRequest = offsetof(seccomp_data, args[1]);
  std::array<sock_filter, 6> filter{
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kCall), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kRequest), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KVM_RUN, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program{filter.size(), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void become(const std::vector<char*>& command) {
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 && raise(SIGSTOP) == 0 && trace_first_entry()) {
    execvp(command[0], command.data());
  }
  std::perror(command[0]);
  _exit(127);
}

bool is_event(int status, int event) { return status >> 8 == (SIGTRAP | event << 8); }

// What a stopped thread is to be continued with: a signal of its own, or none for a stop that is only ours.
int signal_for(int status) {
  const int signal = WSTOPSIG(status);
  return status >> 16 != 0 || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

double microseconds_to_first_entry(const std::vector<char*>& command) {
  const pid_t child = fork();
  if (child == 0) {
    become(command);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
    die(std::string("cannot start ") + command[0]);
  }
  constexpr long kOptions =
      PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL;
  ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions);
  alarm(kSecondsMax);
  const Clock::time_point begin = Clock::now();
  ptrace(PTRACE_CONT, child, nullptr, nullptr);
  for (;;) {
    const pid_t stopped = waitpid(-1, &status, __WALL);
    if (stopped < 0) {
      die(std::string(command[0]) + ": " + std::strerror(errno));
    }
    if (WIFSTOPPED(status) && is_event(status, PTRACE_EVENT_SECCOMP)) {
      break;
    }
    if (stopped == child && !WIFSTOPPED(status)) {
      die(std::string(command[0]) + " ended before it entered a guest; its reason is above");
    }
    if (WIFSTOPPED(status)) {
      ptrace(PTRACE_CONT, stopped, nullptr, signal_for(status));
    }
  }
  const Clock::time_point end = Clock::now();
  alarm(0);
  kill(child, SIGKILL);
  while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR) {
  }
  return std::chrono::duration<double, std::micro>(end - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  std::array<std::vector<char*>, 2> commands;
  std::size_t which = 0;
  for (int i = 2; i < argc; ++i) {
    if (which == 0 && std::strcmp(argv[i], "--against") == 0) {
      which = 1;
    } else {
      commands[which].push_back(argv[i]);
    }
  }
  int rounds = 0;
  if (argc > 1) {
    std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rounds);
  }
  if (rounds < 1 || commands[0].empty() || commands[1].empty()) {
    die("usage: bench-first-entry ROUNDS COMMAND... --against COMMAND...");
  }
  for (std::vector<char*>& command : commands) {
    command.push_back(nullptr);
  }
  for (int round = 0; round < rounds; ++round) {
    std::array<double, 2> times{};
    const std::size_t first = static_cast<std::size_t>(round) % 2;
    times[first] = microseconds_to_first_entry(commands[first]);
    times[1 - first] = microseconds_to_first_entry(commands[1 - first]);
    std::printf("%.1f %.1f\n", times[0], times[1]);
  }
  return 0;
}
