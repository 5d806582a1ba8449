// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "io/alarm.hpp"

namespace mayfly::testing {

/// An alarm whose time the test lets pass.
class FakeAlarm final : public io::Alarm {
 public:
  FakeAlarm() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
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
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(fd_.get(), &count, sizeof(count));
  }

  void pass(std::uint64_t ns) noexcept {
    now_ += ns;
    if (at && now_ >= *at) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof(one));
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
