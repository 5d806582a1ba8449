// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/launcher.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly::gate {
namespace {

volatile std::sig_atomic_t interrupted = 0;

constexpr int kLongestWait = 1000;  // milliseconds, in which a signal that comes just before poll is seen

constexpr std::string_view kExecVariable = "MAYFLY_EXEC_NS=";

// All that the child needs, made before it is there: it shares our memory until execve and must not allocate.
class Child {
 public:
  explicit Child(const Launch& launch)
      : input_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
        output_(launch.output.empty()
                    ? Fd()
                    : Fd(::open(launch.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600))) {
    if (!input_ || (!output_ && !launch.output.empty())) {
      fail_errno("cannot open " + (input_ ? launch.output : "/dev/null"));
    }
    for (const std::string& word : launch.words) {
      // Safe: execve does not write into the words.
      arguments_.push_back(const_cast<char*>(word.c_str()));
    }
    arguments_.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with(kExecVariable)) {
        environment_.push_back(*entry);
      }
    }
    std::ranges::copy(kExecVariable, exec_variable_.begin());
    environment_.push_back(exec_variable_.data());
    environment_.push_back(nullptr);
  }

  // In the child. Returns only when it fails.
  void run() noexcept {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(input_.get(), STDIN_FILENO);
    if (output_) {
      ::dup2(output_.get(), STDOUT_FILENO);
      ::dup2(output_.get(), STDERR_FILENO);
    }
    char* const digits = exec_variable_.data() + kExecVariable.size();
    const auto written =
        std::to_chars(digits, exec_variable_.data() + exec_variable_.size() - 1, monotonic_ns());
    *written.ptr = '\0';
    ::execve(arguments_.front(), arguments_.data(), environment_.data());
    error_ = errno;
  }

  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  Fd input_;
  Fd output_;
  std::vector<char*> arguments_;
  std::vector<char*> environment_;
  std::array<char, 48> exec_variable_{};
  volatile int error_ = 0;
};

// Waits until the process has ended or the time is over.
EndedBy await(int process, std::uint64_t timeout_ns) {
  const std::uint64_t deadline = monotonic_ns() + timeout_ns;
  while (true) {
    if (interrupted != 0) {
      return EndedBy::kInterrupt;
    }
    const std::uint64_t now = monotonic_ns();
    if (timeout_ns != 0 && now >= deadline) {
      return EndedBy::kTimeLimit;
    }
    const std::uint64_t milliseconds = timeout_ns == 0 ? kLongestWait : (deadline - now) / 1'000'000 + 1;
    pollfd watched{process, POLLIN, 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::min<std::uint64_t>(milliseconds, kLongestWait)));
    if (ready > 0) {
      return EndedBy::kItself;
    }
    if (ready < 0 && errno != EINTR) {
      fail_errno("cannot wait for a boot");
    }
  }
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaction(signal, &action, nullptr);
  }
}

LaunchEnd launch(const Launch& launch) {
  Child child(launch);
  // fork would have the child's execve tear down a copy of our memory, on the clock of the boot.
  const pid_t pid = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (pid == 0) {
    child.run();  // NOLINT(clang-analyzer-unix.Vfork): nothing but system calls and its own memory
    ::_exit(127);
  }
  if (pid < 0) {
    fail_errno("cannot start " + launch.words.front());
  }
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    fail_errno("cannot watch " + launch.words.front());
  }
  LaunchEnd end{.by = await(process.get(), launch.timeout_ns)};
  ::kill(-pid, SIGKILL);
  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) {
      fail_errno("cannot wait for " + launch.words.front());
    }
  }
  if (child.error() != 0) {
    throw Error(child.error(), "cannot start " + launch.words.front());
  }
  if (end.by == EndedBy::kInterrupt) {
    throw Error("interrupted");
  }
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  end.resident_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return end;
}

}  // namespace mayfly::gate
