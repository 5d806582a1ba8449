// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_child.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/pidfd.hpp"

namespace mayfly::cli {
namespace {

constexpr std::size_t kTailBytes = 16 * kKiB;
constexpr std::size_t kTimelineBytesMax = 16 * kMiB;
constexpr std::string_view kExecVariable = "MAYFLY_EXEC_NS=";

std::string path_of(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

/// A pipe of which the end of what was written is kept, however much that is.
class Tail {
 public:
  Tail() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) {
      fail_errno("cannot make a pipe");
    }
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
    ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
  }

  [[nodiscard]] const Fd& write_end() const noexcept { return write_; }
  /// For poll(); -1 once the other end is closed.
  [[nodiscard]] int read_fd() const noexcept { return read_.get(); }
  void close_write_end() noexcept { write_ = Fd(); }

  /// Takes what is there.
  void take() {
    std::array<char, 4096> piece{};
    // Bounded, so that a writer without end cannot hold us.
    for (int i = 0; i < 64; ++i) {
      const ssize_t bytes = ::read(read_.get(), piece.data(), piece.size());
      if (bytes == 0) {
        read_ = Fd();
      }
      if (bytes <= 0) {
        return;
      }
      text_.append(piece.data(), static_cast<std::size_t>(bytes));
      text_.erase(0, text_.size() - std::min(text_.size(), kTailBytes));
    }
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  Fd read_;
  Fd write_;
  std::string text_;
};

std::string content(const Fd& memory) {
  const off_t bytes_there = ::lseek(memory.get(), 0, SEEK_END);
  std::string text(std::min(static_cast<std::size_t>(std::max<off_t>(bytes_there, 0)), kTimelineBytesMax),
                   '\0');
  const ssize_t bytes = ::pread(memory.get(), text.data(), text.size(), 0);
  text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return text;
}

/// argv or envp of strings that stay where they are.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& each : strings) {
    result.push_back(each.data());
  }
  result.push_back(nullptr);
  return result;
}

struct Child {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  const Fd& timeline;
  const Fd& console;
  const Fd& errors;
  const sigset_t& mask;
  std::string program;
};

/// In the child, which has one thread: to the exec.
[[noreturn]] void become(Child& child) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::sigprocmask(SIG_SETMASK, &child.mask, nullptr);
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(child.errors.get(), STDERR_FILENO);
  for (const Fd* inherited : {&child.timeline, &child.console}) {
    ::fcntl(inherited->get(), F_SETFD, 0);
  }
  const std::vector<char*> arguments = pointers(child.arguments);
  const std::vector<char*> environment = pointers(child.environment);
  // Last of all: boots are measured from here.
  std::string& variable = child.environment.back();
  std::to_chars(variable.data() + kExecVariable.size(), variable.data() + variable.size(), monotonic_ns());
  ::execve(child.program.c_str(), arguments.data(), environment.data());
  std::string sentence = "mayfly: cannot start " + child.program + ": " + std::strerror(errno) + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  ::_exit(125);
}

std::vector<std::string> environment_for_child() {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with(kExecVariable)) {
      variables.emplace_back(*each);
    }
  }
  // Room for any 64-bit number; a NUL ends it earlier.
  variables.push_back(std::string(kExecVariable) + std::string(21, '\0'));
  return variables;
}

/// Until the child is gone, a signal comes or time is over.
void wait_for(const Fd& alive, Tail& console, Tail& errors, EndSignals& signals, std::uint64_t patience_ns,
              ChildEnd& end) {
  const std::uint64_t deadline = monotonic_ns() + patience_ns;
  for (;;) {
    std::array<pollfd, 4> watched{{{alive.get(), POLLIN, 0},
                                   {signals.fd(), POLLIN, 0},
                                   {console.read_fd(), POLLIN, 0},
                                   {errors.read_fd(), POLLIN, 0}}};
    const std::uint64_t now = monotonic_ns();
    end.overdue = now >= deadline;
    const std::uint64_t left_ms = end.overdue ? 0 : (deadline - now) / 1'000'000 + 1;
    ::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::uint64_t>(left_ms, 60'000)));
    console.take();
    errors.take();
    end.interrupted = signals.next();
    if ((watched[0].revents & POLLIN) != 0) {
      end.overdue = false;
      return;
    }
    if (end.interrupted.has_value() || end.overdue) {
      return;
    }
  }
}

}  // namespace

EndSignals::EndSignals() {
  sigset_t set{};
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    ::sigaddset(&set, signal);
  }
  fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) {
    fail_errno("signalfd");
  }
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

EndSignals::~EndSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> EndSignals::next() noexcept {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof(info)) == sizeof(info)
             ? std::optional(static_cast<int>(info.ssi_signo))
             : std::nullopt;
}

ChildEnd run_child(const std::string& program, std::vector<std::string> words,
                   const std::vector<std::string>& command, EndSignals& signals, std::uint64_t patience_ns) {
  const Fd timeline(::memfd_create("mayfly-timeline", MFD_CLOEXEC));
  if (!timeline) {
    fail_errno("cannot make room for a timeline");
  }
  Tail console;
  Tail errors;
  words.insert(words.begin(), "mayfly");
  words.push_back("--timeline=" + path_of(timeline));
  words.push_back("--console=" + path_of(console.write_end()));
  if (!command.empty()) {
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
  }
  Child child{std::move(words),   environment_for_child(), timeline, console.write_end(),
              errors.write_end(), signals.mask_before(),   program};
  const pid_t pid = ::fork();
  if (pid < 0) {
    fail_errno("cannot start another mayfly");
  }
  if (pid == 0) {
    become(child);
  }
  console.close_write_end();
  errors.close_write_end();
  ChildEnd end;
  const Fd alive = open_pidfd(pid);
  const int no_pidfd = errno;
  if (alive) {
    wait_for(alive, console, errors, signals, patience_ns, end);
  }
  if (!alive || end.interrupted.has_value() || end.overdue) {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  end.ended_ns = monotonic_ns();
  if (!alive) {
    throw Error(no_pidfd, "cannot watch another mayfly");
  }
  end.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  console.take();
  errors.take();
  end.timeline = content(timeline);
  end.console = std::move(console).text();
  end.errors = std::move(errors).text();
  return end;
}

}  // namespace mayfly::cli
