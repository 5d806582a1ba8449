// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::vfio {

/// A new eventfd; empty when the process may have no more files.
[[nodiscard]] inline Fd make_event() noexcept { return Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

/// True when an event waits in `event`.
[[nodiscard]] inline bool has_event(int event) noexcept {
  pollfd look{.fd = event, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

/// Forgets the events that wait in `event`.
inline void drain_events(int event) noexcept {
  eventfd_t count = 0;
  (void)::eventfd_read(event, &count);
}

}  // namespace mayfly::vfio
