// SPDX-License-Identifier: Apache-2.0
#include "cli/detach.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/print.hpp"

namespace mayfly::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// Of the process that runs the VM, for a handler of signals.
volatile sig_atomic_t runner = 0;

void pass_on(int signal) noexcept {
  const int error = errno;
  ::kill(static_cast<pid_t>(runner), signal);
  errno = error;
}

/// Those before.
sigset_t block_signals() noexcept {
  sigset_t signals{};
  sigset_t before{};
  ::sigemptyset(&signals);
  for (const int signal : kSignals) {
    ::sigaddset(&signals, signal);
  }
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  return before;
}

struct Pipe {
  Fd reader;
  Fd writer;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      fail_errno("cannot make a pipe");
    }
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
};

/// In the process that runs the VM.
void become_runner(vmm::RunConfig& config, Pipe& events, Pipe& messages) {
  ::setsid();
  const Fd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere || ::dup2(nowhere.get(), STDIN_FILENO) < 0 || ::dup2(nowhere.get(), STDOUT_FILENO) < 0 ||
      ::dup2(messages.writer.get(), STDERR_FILENO) < 0) {
    fail_errno("cannot leave the caller's stdin, stdout and stderr");
  }
  events.reader = Fd();
  messages.reader = Fd();
  messages.writer = Fd();
  // Not closed: the run's, from now on.
  config.listeners.push_back(::fcntl(events.writer.get(), F_DUPFD_CLOEXEC, 0));
  events.writer = Fd();
}

/// What there is to read, at most; empty at the end.
std::string read_some(int fd) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

void pass_message(int fd, Fd& messages) {
  const std::string text = read_some(fd);
  if (text.empty()) {
    messages = Fd();
  }
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// Whether the guest has become ready before its run ended; what the run says meanwhile is passed on.
bool wait_until_ready(Fd events, Fd messages) {
  std::string told;
  while (events) {
    std::array<pollfd, 2> watched{{{events.get(), POLLIN, 0}, {messages.get(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      continue;  // a signal, which was passed on
    }
    if (watched[1].revents != 0) {
      pass_message(messages.get(), messages);
      continue;  // all that was said before the event
    }
    const std::string more = read_some(events.get());
    if (more.empty()) {
      events = Fd();
    }
    told += more;
    if (told.find("\"event\":\"ready\"") != std::string::npos) {
      return true;
    }
  }
  while (messages) {
    pass_message(messages.get(), messages);
  }
  return false;
}

int exit_status_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      fail_errno("cannot wait for the process of the VM");
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<int> detach(vmm::RunConfig& config) {
  Pipe events;
  Pipe messages;
  // None is lost until there is somebody to pass it on to.
  const sigset_t before = block_signals();
  const pid_t child = ::fork();
  if (child < 0) {
    fail_errno("cannot start a process for the VM");
  }
  if (child == 0) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    become_runner(config, events, messages);
    return std::nullopt;
  }
  runner = child;
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int signal : kSignals) {
    ::sigaction(signal, &action, nullptr);
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  events.writer = Fd();
  messages.writer = Fd();
  if (!wait_until_ready(std::move(events.reader), std::move(messages.reader))) {
    return exit_status_of(child);
  }
  print(config.id + "\n");
  return EXIT_SUCCESS;
}

}  // namespace mayfly::cli
