// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <unistd.h>

#include "base/event_fd.hpp"
#include "base/fd.hpp"
#include "io/alarm.hpp"

namespace mayfly::testing {

/// An alarm whose time the test lets pass.
class FakeAlarm final : public io::Alarm {
 public:
  FakeAlarm() : fd_(make_event()) {}
  [[nodiscard]] std::uint64_t now() const noexcept override {
    ++reads;
    return now_;
  }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }
  void set(std::uint64_t at_ns) noexcept override {
    clear();
    at = at_ns;
    pass(0);
  }
  void clear() noexcept override {
    at.reset();
    (void)take_event(fd_.get());
  }

  void pass(std::uint64_t ns) noexcept {
    now_ += ns;
    if (at && now_ >= *at) {
      ring_event(fd_.get());
    }
  }
  /// What it is set to.
  std::optional<std::uint64_t> at;
  /// How often somebody wanted to know the time.
  mutable int reads = 0;

 private:
  Fd fd_;
  std::uint64_t now_ = 1'000'000'000;
};

}  // namespace mayfly::testing
