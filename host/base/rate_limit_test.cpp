// SPDX-License-Identifier: Apache-2.0
#include "base/rate_limit.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace mayfly {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

TEST(RateLimitTest, WhichHasNoLimitHoldsNothing) {
  EXPECT_FALSE(RateLimits{}.any());
  RateLimit limit({});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limit.passes(0));
    limit.take(1ULL << 40U, 0);
  }
  EXPECT_EQ(limit.counts(0).holds, 0U);
}

TEST(RateLimitTest, HoldsForTheLaterOfTwoBuckets) {
  RateLimit limit({.bytes = {.per_second = 1000, .burst = 1}, .operations = {.per_second = 10, .burst = 1}});
  ASSERT_TRUE(limit.passes(0));
  limit.take(1, 0);
  EXPECT_FALSE(limit.passes(0));
  EXPECT_EQ(limit.resume_at(), 100 * kMs) << "of operations";
  ASSERT_TRUE(limit.passes(100 * kMs));
  limit.take(500, 100 * kMs);
  EXPECT_FALSE(limit.passes(200 * kMs));
  EXPECT_EQ(limit.resume_at(), 600 * kMs) << "of bytes";
}

// A token each microsecond: nobody is to be woken that often.
TEST(RateLimitTest, HoldsForAMillisecondAtLeast) {
  RateLimit limit({.bytes = {.per_second = 1'000'000, .burst = 100'000}});
  ASSERT_TRUE(limit.passes(kSecond));
  limit.take(100'000, kSecond);
  EXPECT_FALSE(limit.passes(kSecond));
  EXPECT_EQ(limit.resume_at(), kSecond + kMs);
  EXPECT_FALSE(limit.passes(kSecond + kMs - 1)) << "although there are tokens";
  EXPECT_EQ(limit.resume_at(), kSecond + kMs) << "asking does not put it off";
  EXPECT_TRUE(limit.passes(kSecond + kMs));
}

TEST(RateLimitTest, AFullBucketIsNotWaitedBeyond) {
  RateLimit limit({.operations = {.per_second = 100'000, .burst = 5}});
  ASSERT_TRUE(limit.passes(0));
  for (int i = 0; i < 5; ++i) {
    limit.take(0, 0);
  }
  EXPECT_FALSE(limit.passes(0));
  EXPECT_EQ(limit.resume_at(), kSecond / 100'000 * 5);
}

TEST(RateLimitTest, CountsHoldsAndHowLongTheyLast) {
  RateLimit limit({.operations = {.per_second = 1, .burst = 1}});
  ASSERT_TRUE(limit.passes(kSecond));
  limit.take(0, kSecond);
  EXPECT_FALSE(limit.has_tokens(kSecond));
  EXPECT_EQ(limit.counts(9 * kSecond).holds, 0U) << "nothing waits";
  EXPECT_FALSE(limit.passes(kSecond + kSecond / 2));
  EXPECT_FALSE(limit.passes(kSecond + kSecond / 2 + 1));
  EXPECT_EQ(limit.counts(kSecond + kSecond / 2 + 5).held_ns, 5U) << "up to now";
  ASSERT_TRUE(limit.passes(2 * kSecond));
  limit.take(0, 2 * kSecond);
  EXPECT_FALSE(limit.passes(2 * kSecond));
  limit.let_go(2 * kSecond + 7);
  EXPECT_EQ(limit.counts(50 * kSecond).holds, 2U);
  EXPECT_EQ(limit.counts(50 * kSecond).held_ns, kSecond / 2 + 7);
  EXPECT_FALSE(limit.passes(2 * kSecond + 8)) << "letting go gives no token";
}

TEST(RateLimitTest, TheEndOfTimeIsNoOverflow) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  RateLimit limit({.bytes = {.per_second = 1, .burst = 1}});
  ASSERT_TRUE(limit.passes(kMax));
  limit.take(kMax, kMax);
  EXPECT_FALSE(limit.passes(kMax - 1));
  EXPECT_EQ(limit.resume_at(), kMax);
}

}  // namespace
}  // namespace mayfly
