// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::boot {

/// How the time of exec is known. TIMELINE.md has the errors of both.
enum class ExecSource {
  kLauncher,  ///< told by MAYFLY_EXEC_NS
  kCpuClock,  ///< now less the CPU time that the process has used
};

struct ExecTime {
  /// CLOCK_MONOTONIC.
  std::uint64_t at_ns = 0;
  ExecSource source = ExecSource::kCpuClock;
};

/// When this process was exec'd. Call it first in main, for the CPU clock's answer ages. `launcher_value` is
/// the value of MAYFLY_EXEC_NS, nanoseconds in decimal, or null; one that is not a number or lies in the
/// future counts as absent.
[[nodiscard]] ExecTime exec_time(const char* launcher_value) noexcept;

}  // namespace mayfly::boot
