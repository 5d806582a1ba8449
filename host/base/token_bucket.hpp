// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace mayfly {

/// So much a second, and so much at once after a rest.
struct Rate {
  /// 0: there is no limit.
  std::uint64_t per_second = 0;
  /// 1 or more where there is one.
  std::uint64_t burst = 0;

  bool operator==(const Rate&) const noexcept = default;
};

/// A bucket that holds `burst` tokens at most, and gets `per_second` of them.
///
/// One thing may pass while there is a token, and then takes what it costs, which may be more than there is:
/// the bucket is in debt then, and nothing passes until that is paid. So what is larger than the bucket
/// passes too, nobody need know before what something costs, and in T seconds there pass `burst` + T *
/// `per_second` tokens and the last thing's cost at most.
///
/// What is kept is not tokens but the time at which the bucket is full, to a fraction of a nanosecond, in
/// whole numbers: nothing is to be done while time passes, nothing is rounded, and no number is too large.
/// Times are nanoseconds of one clock, which the caller reads; one that goes back makes it wait longer. Not
/// locked.
class TokenBucket {
 public:
  /// Full. `rate` has no 0.
  explicit constexpr TokenBucket(const Rate& rate) noexcept : per_second_(rate.per_second) {
    const Wide slack = Wide{rate.burst - 1} * kSecondNs;
    slack_ns_ = slack / per_second_;
    slack_part_ = static_cast<std::uint64_t>(slack % per_second_);
  }

  /// From when on there is a token.
  [[nodiscard]] constexpr std::uint64_t ready_at() const noexcept {
    if (full_ns_ < slack_ns_) {
      return 0;
    }
    return capped(Wide{full_ns_} - slack_ns_ + (full_part_ > slack_part_ ? 1 : 0));
  }
  /// From when on it is full.
  [[nodiscard]] constexpr std::uint64_t full_at() const noexcept {
    return capped(Wide{full_ns_} + (full_part_ > 0 ? 1 : 0));
  }

  /// Takes what something costs that passes now.
  constexpr void take(std::uint64_t tokens, std::uint64_t now_ns) noexcept {
    if (full_ns_ < now_ns) {
      full_ns_ = now_ns;
      full_part_ = 0;
    }
    const Wide parts = Wide{tokens} * kSecondNs + full_part_;
    full_ns_ = capped(parts / per_second_ + full_ns_);
    full_part_ = static_cast<std::uint64_t>(parts % per_second_);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t kSecondNs = 1'000'000'000;

  [[nodiscard]] static constexpr std::uint64_t capped(Wide ns) noexcept {
    constexpr Wide kNever = std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(std::min(ns, kNever));
  }

  std::uint64_t per_second_;
  /// When it is full: nanoseconds, and what is left over in parts of one, of which it has per_second_.
  std::uint64_t full_ns_ = 0;
  std::uint64_t full_part_ = 0;
  /// How long before that there is one token; the same.
  Wide slack_ns_ = 0;
  std::uint64_t slack_part_ = 0;
};

}  // namespace mayfly
