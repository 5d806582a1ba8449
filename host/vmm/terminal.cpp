// SPDX-License-Identifier: Apache-2.0
#include "vmm/terminal.hpp"

#include <array>
#include <atomic>
#include <cstddef>

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::array kFatalSignals{SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

// What a signal handler needs, so not in the object. Written before active_fd is set.
termios old_mode{};
std::array<struct sigaction, kFatalSignals.size()> old_actions{};
std::atomic<int> active_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

// Also for a process that has gone to the background, which SIGTTOU would stop here.
void restore_mode(int fd) noexcept {
  sigset_t background{};
  sigset_t old_mask{};
  ::sigemptyset(&background);
  ::sigaddset(&background, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &background, &old_mask);
  ::tcsetattr(fd, TCSANOW, &old_mode);
  ::pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
}

// Installed with SA_RESETHAND: the signal that is raised again kills the process.
void on_fatal_signal(int signal) noexcept {
  const int fd = active_fd.exchange(-1);
  if (fd >= 0) {
    restore_mode(fd);
  }
  static_cast<void>(::raise(signal));
}

}  // namespace

bool is_terminal(int in, int out) noexcept { return ::isatty(in) == 1 && ::isatty(out) == 1; }

Terminal::Terminal(int fd) : fd_(fd) {
  MAYFLY_ASSERT(active_fd.load() < 0);
  if (::tcgetattr(fd, &old_mode) != 0) {
    fail_errno("cannot read the mode of the terminal");
  }
  struct sigaction restore {};
  restore.sa_handler = on_fatal_signal;
  restore.sa_flags = static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < kFatalSignals.size(); ++i) {
    ::sigaction(kFatalSignals[i], &restore, &old_actions[i]);
  }
  active_fd.store(fd);
  termios raw = old_mode;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) {
    const int error = errno;
    active_fd.store(-1);
    throw Error(error, "cannot set the terminal to raw mode");
  }
}

Terminal::~Terminal() {
  if (active_fd.exchange(-1) >= 0) {
    restore_mode(fd_);
  }
  for (std::size_t i = 0; i < kFatalSignals.size(); ++i) {
    ::sigaction(kFatalSignals[i], &old_actions[i], nullptr);
  }
}

protocol::TerminalSize Terminal::size() const noexcept {
  winsize size{};
  if (::ioctl(fd_, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return {24, 80};
  }
  return {size.ws_row, size.ws_col};
}

}  // namespace mayfly::vmm
