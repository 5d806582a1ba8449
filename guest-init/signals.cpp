// SPDX-License-Identifier: Apache-2.0
#include "guest-init/signals.hpp"

#include <csignal>

#include <sys/signalfd.h>
#include <unistd.h>

namespace mayfly::init {

int watch_children() noexcept {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void acknowledge_children(int watch) noexcept {
  signalfd_siginfo information;
  [[maybe_unused]] const ssize_t got = read(watch, &information, sizeof(information));
}

}  // namespace mayfly::init
