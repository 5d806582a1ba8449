// SPDX-License-Identifier: Apache-2.0
#include "guest-init/workload.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/capabilities.hpp"
#include "guest-init/path_lookup.hpp"

namespace mayfly::init {
namespace {

/// What the new process needs; it shares init's memory until its exec, init sleeps meanwhile.
struct Start {
  const Request& request;
  const User& user;
  const Stdio& stdio;
  const Marks& marks;
  Step failed;
};

alignas(16) std::array<std::byte, 16U << 10U> start_stack;

[[nodiscard]] Step take_stdio(const Stdio& stdio) noexcept {
  for (int number = 0; number < 3; ++number) {
    if (dup2(stdio.workload[static_cast<std::size_t>(number)], number) < 0) {
      return setup_failure(errno, "connecting stdio");
    }
  }
  if (setsid() < 0) {
    return setup_failure(errno, "making a session");
  }
  if (stdio.kind == Stdio::Kind::kTerminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) {
    return setup_failure(errno, "taking the terminal");
  }
  return std::nullopt;
}

[[nodiscard]] Step become_user(const User& user) noexcept {
  const auto groups = user.groups.view();
  if (setgroups(groups.size(), groups.data()) != 0 || setresgid(user.gid, user.gid, user.gid) != 0) {
    return setup_failure(errno, "changing to the user's groups");
  }
  if (Step failed = confine(); failed) {
    return failed;
  }
  // From uid 0 to another, the kernel clears the permitted, effective and ambient capabilities.
  if (user.uid != 0 && setresuid(user.uid, user.uid, user.uid) != 0) {
    return setup_failure(errno, "changing to the user");
  }
  return std::nullopt;
}

[[nodiscard]] Failure exec_failure(int error, const char* command) noexcept {
  Failure failure{.kind = protocol::ExitKind::kExecFailed, .error = error, .text = {}};
  failure.text.add(command);
  return failure;
}

/// Executes the command; comes back only to say why it cannot.
[[nodiscard]] Failure execute(const Request& request, const Marks& marks) noexcept {
  const char* command = request.arguments[0];
  const char* search_path = request.variable("PATH");
  static PathBuffer program;
  const int error = find_program(command, search_path == nullptr ? "" : search_path, program);
  if (error != 0) {
    return exec_failure(error, command);
  }
  marks.write(protocol::Mark::kReady);
  execve(program.data(), request.arguments, request.environment);
  return exec_failure(errno, command);
}

[[nodiscard]] Failure become_workload(const Start& start) noexcept {
  if (Step failed = take_stdio(start.stdio); failed) {
    return *failed;
  }
  if (Step failed = become_user(start.user); failed) {
    return *failed;
  }
  // As the user: a directory that it may not enter is refused here, not found out by the workload.
  const char* const workdir = start.request.workdir == nullptr ? "/" : start.request.workdir;
  if (chdir(workdir) != 0) {
    return setup_failure(errno, "entering working directory", workdir);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  return execute(start.request, start.marks);
}

int child_main(void* argument) noexcept {
  auto& start = *static_cast<Start*>(argument);
  start.failed = become_workload(start);
  _exit(1);
}

}  // namespace

Step Workload::start(const Request& request, const User& user, const Stdio& stdio,
                     const Marks& marks) noexcept {
  Start start{.request = request, .user = user, .stdio = stdio, .marks = marks, .failed = std::nullopt};
  // As vfork(), but on a stack of its own: no page table is copied, and a failure comes back through memory.
  process_ =
      clone(child_main, start_stack.data() + start_stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
  if (process_ < 0) {
    return setup_failure(errno, "making the workload's process");
  }
  return start.failed;
}

void Workload::signal(int number) const noexcept {
  if (process_ > 0) {
    kill(-process_, number);
  }
}

std::optional<protocol::ExitReport> Workload::reap() noexcept {
  std::optional<protocol::ExitReport> report;
  int status = 0;
  for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0; ended = waitpid(-1, &status, WNOHANG)) {
    if (ended != process_) {
      continue;
    }
    report = WIFSIGNALED(status) ? protocol::ExitReport{protocol::ExitKind::kSignaled,
                                                        static_cast<std::uint32_t>(WTERMSIG(status))}
                                 : protocol::ExitReport{protocol::ExitKind::kExited,
                                                        static_cast<std::uint32_t>(WEXITSTATUS(status))};
  }
  return report;
}

void Workload::kill_remains() const noexcept { kill(getpid() == 1 ? -1 : -process_, SIGKILL); }

}  // namespace mayfly::init
