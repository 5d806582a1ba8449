// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/rate_limit.hpp"

namespace mayfly::virtio {

/// The limit of one direction of a network device: of all its pairs of queues together, each of which asks on
/// its own thread. Times as in RateLimit. Any thread.
class NetLimit {
 public:
  explicit NetLimit(const RateLimits& limits) noexcept : limit_(limits) {}
  NetLimit(const NetLimit&) = delete;
  NetLimit& operator=(const NetLimit&) = delete;

  /// Nothing when what waits may pass; else it is held, until then at least.
  [[nodiscard]] std::optional<std::uint64_t> held_until(std::uint64_t now_ns) noexcept {
    const std::lock_guard lock(mutex_);
    return limit_.passes(now_ns) ? std::nullopt : std::optional(limit_.resume_at());
  }
  [[nodiscard]] bool has_tokens(std::uint64_t now_ns) const noexcept {
    const std::lock_guard lock(mutex_);
    return limit_.has_tokens(now_ns);
  }
  void take(std::uint64_t bytes, std::uint64_t now_ns) noexcept {
    const std::lock_guard lock(mutex_);
    limit_.take(bytes, now_ns);
  }
  void let_go(std::uint64_t now_ns) noexcept {
    const std::lock_guard lock(mutex_);
    limit_.let_go(now_ns);
  }
  [[nodiscard]] HoldCounts counts(std::uint64_t now_ns) const noexcept {
    const std::lock_guard lock(mutex_);
    return limit_.counts(now_ns);
  }

 private:
  mutable std::mutex mutex_;
  RateLimit limit_;
};

}  // namespace mayfly::virtio
