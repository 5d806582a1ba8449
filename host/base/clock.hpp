// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <time.h>

namespace mayfly {

/// A clock in nanoseconds, one that every kernel has. Any thread; does not fail.
[[nodiscard]] inline std::uint64_t clock_ns(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// CLOCK_MONOTONIC. Any thread; does not fail. The same for the next one.
[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept { return clock_ns(CLOCK_MONOTONIC); }
/// CLOCK_REALTIME.
[[nodiscard]] inline std::uint64_t realtime_ns() noexcept { return clock_ns(CLOCK_REALTIME); }

/// A clock that somebody else chooses: monotonic_ns, or a test's. Any thread.
using Clock = std::uint64_t (*)() noexcept;

/// A span of nanoseconds as the kernel's calls take it. Any thread; does not fail.
[[nodiscard]] inline timespec to_timespec(std::uint64_t ns) noexcept {
  return {static_cast<time_t>(ns / 1'000'000'000U), static_cast<long>(ns % 1'000'000'000U)};
}

}  // namespace mayfly
