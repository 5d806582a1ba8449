// SPDX-License-Identifier: Apache-2.0
#include "boot/exec_time.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <time.h>

#include "base/clock.hpp"

namespace mayfly::boot {
namespace {

std::uint64_t cpu_ns() noexcept {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace

ExecTime exec_time(const char* launcher_value) noexcept {
  const std::uint64_t now = monotonic_ns();
  if (launcher_value != nullptr) {
    const char* end = launcher_value + std::strlen(launcher_value);
    std::uint64_t told = 0;
    const auto [stopped, error] = std::from_chars(launcher_value, end, told);
    if (error == std::errc{} && stopped == end && told <= now) {
      return {told, ExecSource::kLauncher};
    }
  }
  return {now - std::min(now, cpu_ns()), ExecSource::kCpuClock};
}

}  // namespace mayfly::boot
