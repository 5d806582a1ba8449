// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include <sys/timerfd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "io/alarm.hpp"

namespace mayfly::vmm {

/// An alarm of the host's: CLOCK_MONOTONIC, and a timerfd.
class Timer final : public io::Alarm {
 public:
  /// Throws Error.
  Timer() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) {
      fail_errno("cannot make a timer");
    }
  }
  [[nodiscard]] std::uint64_t now() const noexcept override { return monotonic_ns(); }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }
  void set(std::uint64_t at_ns) noexcept override {
    // At 0 it would be off.
    arm(to_timespec(std::max<std::uint64_t>(at_ns, 1)));
  }
  void clear() noexcept override { arm({}); }

 private:
  void arm(const timespec& at) const noexcept {
    const itimerspec once{{}, at};
    [[maybe_unused]] const int set = ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &once, nullptr);
  }

  Fd fd_;
};

}  // namespace mayfly::vmm
