// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly {

/// Readable when the process has ended; empty with errno set on a kernel without it (before Linux 5.3).
[[nodiscard]] inline Fd open_pidfd(pid_t process) noexcept {
  // glibc 2.36 declares pidfd_open() for C only.
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U)));
}

/// Waits until a process has ended that was told to, some seconds at most; not at all when there is no pidfd.
inline void await_end(const Fd& pidfd) noexcept {
  constexpr int kPatienceMs = 5000;
  if (pidfd) {
    pollfd ended{pidfd.get(), POLLIN, 0};
    static_cast<void>(::poll(&ended, 1, kPatienceMs));
  }
}

}  // namespace mayfly
