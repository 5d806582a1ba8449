// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/token_bucket.hpp"

namespace mayfly {

/// What a queue of a device may do.
struct RateLimits {
  Rate bytes{};
  Rate operations{};

  [[nodiscard]] constexpr bool any() const noexcept {
    return bytes.per_second != 0 || operations.per_second != 0;
  }
};

/// How often a queue had to wait for its limit, and how long in all.
struct HoldCounts {
  std::uint64_t holds = 0;
  std::uint64_t held_ns = 0;
};

inline HoldCounts& operator+=(HoldCounts& sum, const HoldCounts& more) noexcept {
  sum.holds += more.holds;
  sum.held_ns += more.held_ns;
  return sum;
}

/// Says when a queue may go on, and counts how it was held. Times as in TokenBucket. Not locked.
class RateLimit {
 public:
  /// What a queue is held for at least, unless a bucket is full before: who takes one more token as soon as
  /// there is one is woken for each, and spends more on that than without a limit.
  static constexpr std::uint64_t kLeastHoldNs = 1'000'000;

  explicit constexpr RateLimit(const RateLimits& limits) noexcept
      : bytes_(bucket(limits.bytes)), operations_(bucket(limits.operations)) {}

  /// Whether something that waits may pass now; take() comes next then. Else the queue is held, and is not
  /// asked about before resume_at(), or asked in vain.
  [[nodiscard]] constexpr bool passes(std::uint64_t now_ns) noexcept {
    if (has_tokens(now_ns)) {
      let_go(now_ns);
      return true;
    }
    if (!is_held_) {
      is_held_ = true;
      since_ns_ = now_ns;
      ++counts_.holds;
    }
    if (now_ns >= resume_ns_) {
      const std::uint64_t least = now_ns + std::min(kLeastHoldNs, kNever - now_ns);
      resume_ns_ = std::max(ready_at(), std::min(full_at(), least));
    }
    return false;
  }
  /// The same, but the queue is not held: nobody knows whether something waits.
  [[nodiscard]] constexpr bool has_tokens(std::uint64_t now_ns) const noexcept {
    return now_ns >= resume_ns_ && now_ns >= ready_at();
  }
  /// Of a queue that is held.
  [[nodiscard]] constexpr std::uint64_t resume_at() const noexcept { return resume_ns_; }
  /// What passed was so long.
  constexpr void take(std::uint64_t bytes, std::uint64_t now_ns) noexcept {
    if (bytes_) {
      bytes_->take(bytes, now_ns);
    }
    if (operations_) {
      operations_->take(1, now_ns);
    }
  }
  /// Nothing waits any more. The tokens are where they were.
  constexpr void let_go(std::uint64_t now_ns) noexcept {
    counts_ = counts(now_ns);
    is_held_ = false;
  }
  [[nodiscard]] constexpr bool is_held() const noexcept { return is_held_; }

  /// With a hold that lasts.
  [[nodiscard]] constexpr HoldCounts counts(std::uint64_t now_ns) const noexcept {
    return {counts_.holds, counts_.held_ns + (is_held_ ? now_ns - std::min(since_ns_, now_ns) : 0)};
  }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  static constexpr std::optional<TokenBucket> bucket(const Rate& rate) noexcept {
    return rate.per_second == 0 ? std::nullopt : std::optional(TokenBucket(rate));
  }
  [[nodiscard]] constexpr std::uint64_t ready_at() const noexcept {
    return std::max(bytes_ ? bytes_->ready_at() : 0, operations_ ? operations_->ready_at() : 0);
  }
  /// From when on one of them is: waiting longer would lose what it gets.
  [[nodiscard]] constexpr std::uint64_t full_at() const noexcept {
    return std::min(bytes_ ? bytes_->full_at() : kNever, operations_ ? operations_->full_at() : kNever);
  }

  std::optional<TokenBucket> bytes_;
  std::optional<TokenBucket> operations_;
  bool is_held_ = false;
  std::uint64_t since_ns_ = 0;
  std::uint64_t resume_ns_ = 0;
  HoldCounts counts_;
};

/// None of a queue that may do what it likes.
[[nodiscard]] constexpr std::optional<RateLimit> limit_of(const RateLimits& limits) noexcept {
  return limits.any() ? std::optional(RateLimit(limits)) : std::nullopt;
}

}  // namespace mayfly
