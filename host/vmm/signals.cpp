// SPDX-License-Identifier: Apache-2.0
#include "vmm/signals.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

sigset_t not_ignored(std::initializer_list<int> signals) noexcept {
  sigset_t set{};
  ::sigemptyset(&set);
  for (const int signal : signals) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) {
      ::sigaddset(&set, signal);
    }
  }
  return set;
}

}  // namespace

Signals::Signals(std::initializer_list<int> handled) {
  const sigset_t set = not_ignored(handled);
  fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) {
    fail_errno("signalfd");
  }
  ::pthread_sigmask(SIG_BLOCK, &set, &old_mask_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &old_pipe_);
  ::sigaction(SIGXFSZ, &ignore, &old_limit_);
}

Signals::~Signals() {
  ::sigaction(SIGXFSZ, &old_limit_, nullptr);
  ::sigaction(SIGPIPE, &old_pipe_, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

std::optional<int> Signals::next() noexcept {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof(info)) == sizeof(info)
             ? std::optional(static_cast<int>(info.ssi_signo))
             : std::nullopt;
}

}  // namespace mayfly::vmm
