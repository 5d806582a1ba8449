// SPDX-License-Identifier: Apache-2.0
#include "base/token_bucket.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSecond = 1'000'000'000;

/// The same by counting tokens, in parts of which a token has a thousand million; small numbers only.
class CountedTokens {
 public:
  explicit CountedTokens(const Rate& rate) : rate_(rate), parts_(full()) {}
  std::uint64_t ready_at() const {
    const std::int64_t lacking = static_cast<std::int64_t>(kSecond) - parts_;
    const auto rate = static_cast<std::int64_t>(rate_.per_second);
    return lacking <= 0 ? 0 : now_ + static_cast<std::uint64_t>((lacking + rate - 1) / rate);
  }
  void pass_time(std::uint64_t now) {
    parts_ = std::min(full(), parts_ + static_cast<std::int64_t>((now - now_) * rate_.per_second));
    now_ = now;
  }
  void take(std::uint64_t tokens) { parts_ -= static_cast<std::int64_t>(tokens * kSecond); }

 private:
  std::int64_t full() const { return static_cast<std::int64_t>(rate_.burst * kSecond); }
  Rate rate_;
  std::int64_t parts_;
  std::uint64_t now_ = 0;
};

TEST(TokenBucketTest, BeginsFullAndLetsNoMoreThroughThanItGets) {
  TokenBucket bucket({.per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_LE(bucket.ready_at(), 5 * kSecond) << i;
    bucket.take(1, 5 * kSecond);
  }
  EXPECT_EQ(bucket.ready_at(), 5 * kSecond + kSecond / 10);
  EXPECT_EQ(bucket.full_at(), 5 * kSecond + 3 * kSecond / 10);
}

TEST(TokenBucketTest, ARestFillsItAndNoMore) {
  TokenBucket bucket({.per_second = 1, .burst = 2});
  bucket.take(1, 1000 * kSecond);
  bucket.take(1, 1000 * kSecond);
  EXPECT_EQ(bucket.ready_at(), 1001 * kSecond);
}

TEST(TokenBucketTest, WhatIsLargerThanTheBucketPassesAndIsPaidBack) {
  TokenBucket bucket({.per_second = 100, .burst = 10});
  bucket.take(1000, kSecond);
  EXPECT_EQ(bucket.ready_at(), kSecond + 991 * kSecond / 100) << "991 tokens make 1 of -990";
  bucket.take(0, 11 * kSecond);
  EXPECT_LE(bucket.ready_at(), 11 * kSecond) << "what costs nothing takes nothing";
}

// Thirds of a nanosecond: a hundred millions of them are no nanosecond less.
TEST(TokenBucketTest, LosesNoFraction) {
  TokenBucket bucket({.per_second = 3 * kSecond, .burst = 1});
  for (int i = 0; i < 3000; ++i) {
    bucket.take(1, 0);
  }
  EXPECT_EQ(bucket.full_at(), 1000U);
  bucket.take(1, 0);
  EXPECT_EQ(bucket.full_at(), 1001U);
}

TEST(TokenBucketTest, AClockThatGoesBackGivesNothing) {
  TokenBucket bucket({.per_second = 1, .burst = 1});
  bucket.take(1, 100 * kSecond);
  bucket.take(1, 1);
  EXPECT_EQ(bucket.ready_at(), 102 * kSecond);
}

TEST(TokenBucketTest, NoNumberIsTooLarge) {
  const std::vector<std::uint64_t> extremes{1,           2,        kSecond - 1, kSecond,
                                            kSecond + 1, kMax / 2, kMax - 1,    kMax};
  for (const std::uint64_t rate : extremes) {
    for (const std::uint64_t burst : extremes) {
      TokenBucket bucket({.per_second = rate, .burst = burst});
      EXPECT_EQ(bucket.ready_at(), 0U) << rate << ' ' << burst;
      std::uint64_t before = 0;
      for (const std::uint64_t tokens : extremes) {
        bucket.take(tokens, tokens);
        EXPECT_GE(bucket.full_at(), tokens);
        EXPECT_GE(bucket.full_at(), before) << "it has overflown";
        EXPECT_LE(bucket.ready_at(), bucket.full_at());
        before = bucket.full_at();
      }
    }
  }
  TokenBucket slowest({.per_second = 1, .burst = 1});
  slowest.take(kMax, kMax);
  EXPECT_EQ(slowest.ready_at(), kMax) << "never";
  TokenBucket deepest({.per_second = 1, .burst = kMax});
  deepest.take(kMax / 2, 7);
  EXPECT_EQ(deepest.ready_at(), 0U);
}

// Whatever comes when, to the nanosecond.
TEST(TokenBucketTest, AgreesWithTokensThatAreCounted) {
  std::mt19937_64 random(1);
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  for (int run = 0; run < 2000; ++run) {
    const Rate rate{.per_second = 1 + below(run % 2 == 0 ? 20 : 100'000), .burst = 1 + below(1000)};
    TokenBucket bucket(rate);
    CountedTokens counted(rate);
    std::uint64_t now = 0;
    for (int step = 0; step < 50; ++step) {
      now += below(3) == 0 ? 0 : below(run % 3 == 0 ? 1000 : kSecond);
      counted.pass_time(now);
      const std::uint64_t ready = counted.ready_at();
      ASSERT_EQ(std::max(bucket.ready_at(), now), std::max(ready, now)) << run << ' ' << step;
      if (ready <= now) {
        const std::uint64_t tokens = below(4) == 0 ? below(5000) : 1 + below(3);
        bucket.take(tokens, now);
        counted.take(tokens);
      } else if (below(2) == 0) {
        now = ready;
      }
    }
  }
}

}  // namespace
}  // namespace mayfly
