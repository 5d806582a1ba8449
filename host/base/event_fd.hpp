// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly {

/// A new eventfd that does not block; empty when the process may have no more files.
[[nodiscard]] inline Fd make_event() noexcept { return Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

/// An event more waits in `event`; when no more fit, enough do.
inline void ring_event(int event) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));
}

/// True when an event waits in `event`.
[[nodiscard]] inline bool has_event(int event) noexcept {
  pollfd look{.fd = event, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

/// Forgets the events that wait in `event`, which does not block, and says how many there were. What comes
/// after that waits again.
inline std::uint64_t take_event(int event) noexcept {
  std::uint64_t count = 0;
  return ::read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

}  // namespace mayfly
