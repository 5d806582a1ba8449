// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <semaphore>

#include "memory/populate.hpp"

namespace mayfly::testing {

/// Populates nothing, at once; refuses when told to. Thread-safe.
class FakePopulate final : public Populate {
 public:
  [[nodiscard]] Result<void, PopulateFault> populate(std::byte* /*host*/,
                                                     std::uint64_t bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    if (refusal_ != 0) {
      return unexpected(PopulateFault{refusal_});
    }
    bytes_ += bytes;
    changed_.notify_all();
    return {};
  }
  /// Refuses from now on.
  void refuse(int errno_value) {
    const std::lock_guard lock(mutex_);
    refusal_ = errno_value;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  /// Waits until more than `bytes` have been populated.
  void wait_for_more_than(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, bytes] { return bytes_ > bytes; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int refusal_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Populates as many calls at once as it is given, then waits for more.
class GivenPopulate final : public Populate {
 public:
  explicit GivenPopulate(std::ptrdiff_t calls) : calls_(calls) {}
  [[nodiscard]] Result<void, PopulateFault> populate(std::byte* /*host*/,
                                                     std::uint64_t /*bytes*/) noexcept override {
    if (!calls_.try_acquire()) {
      waits_.release();
      calls_.acquire();
    }
    return {};
  }
  void await_wait() { waits_.acquire(); }
  void give(std::ptrdiff_t calls) { calls_.release(calls); }

 private:
  std::counting_semaphore<> calls_;
  std::counting_semaphore<> waits_{0};
};

}  // namespace mayfly::testing
