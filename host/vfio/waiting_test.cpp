// SPDX-License-Identifier: Apache-2.0
#include "vfio/waiting.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace mayfly::vfio {
namespace {

using For = Waiting::For;

class WaitingTest : public ::testing::Test {
 protected:
  // Who it is does not matter here, only that it is the same one.
  Waiting::Done done(std::uint64_t cookie) {
    return {[](void* /*owner*/, std::uint64_t /*cookie*/) noexcept {}, this, cookie};
  }
  std::vector<std::uint64_t> due() {
    std::vector<std::uint64_t> cookies;
    while (const auto next = waiting_.take_due()) {
      cookies.push_back(next->cookie);
    }
    return cookies;
  }

  Waiting waiting_;
  Latency latency_;
};

using Cookies = std::vector<std::uint64_t>;

TEST_F(WaitingTest, AReleaseCountsItsOwnPiecesOnly) {
  waiting_.add_release(3, 5, 2, 100, done(1));  // 4 was mapped before
  waiting_.piece_mapped(2, 110, latency_);
  waiting_.piece_mapped(3, 110, latency_);
  waiting_.piece_mapped(6, 110, latency_);
  EXPECT_FALSE(waiting_.has_due());
  EXPECT_TRUE(waiting_.is_urgent());
  waiting_.piece_mapped(5, 130, latency_);
  EXPECT_EQ(due(), Cookies{1});
  EXPECT_FALSE(waiting_.is_urgent());
  EXPECT_EQ(latency_.count, 1U);
  EXPECT_EQ(latency_.max_ns, 30U);
}

TEST_F(WaitingTest, WhatIsDueComesInItsOrderHoweverMuchHasComeBefore) {
  for (std::uint64_t round = 0; round < 10; ++round) {
    for (std::uint64_t i = 0; i < 500; ++i) {
      waiting_.add_release(0, 0, 1, 0, done(i));
    }
    waiting_.piece_mapped(0, 0, latency_);
    for (std::uint64_t i = 0; i < 500; ++i) {
      ASSERT_EQ(waiting_.take_due()->cookie, i);
    }
  }
  EXPECT_EQ(waiting_.take_due(), std::nullopt);
}

TEST_F(WaitingTest, IsFullOfReleasesThatWaitOrAreDue) {
  for (std::uint32_t i = 0; i < HeldMemory::kReleasesMax; ++i) {
    ASSERT_FALSE(waiting_.full());
    waiting_.add_release(i % 2, i % 2, 1, 0, done(i));
  }
  EXPECT_TRUE(waiting_.full());
  waiting_.piece_mapped(0, 0, latency_);
  EXPECT_TRUE(waiting_.full());
  (void)waiting_.take_due();
  EXPECT_FALSE(waiting_.full());
}

TEST_F(WaitingTest, ReadyIsForThoseWhoWantNoMore) {
  waiting_.add_request(For::kReady, 100, 0, done(1));
  waiting_.add_request(For::kReady, 200, 0, done(2));
  waiting_.satisfy(For::kReady, 150, 0, nullptr);
  EXPECT_EQ(due(), Cookies{1});
  EXPECT_TRUE(waiting_.waits_for(For::kReady));
  EXPECT_FALSE(waiting_.is_urgent());
  waiting_.satisfy(For::kReady, 200, 0, nullptr);
  EXPECT_EQ(due(), Cookies{2});
  EXPECT_FALSE(waiting_.waits_for(For::kReady));
}

TEST_F(WaitingTest, ARepeatedRequestIsOneAndHasWaitedSinceTheFirst) {
  waiting_.add_request(For::kSettled, 0, 10, done(1));
  waiting_.add_request(For::kAllReleased, 0, 20, done(1));
  waiting_.add_request(For::kSettled, 0, 50, done(1));
  waiting_.satisfy(For::kSettled, 0, 60, &latency_);
  EXPECT_EQ(latency_.max_ns, 50U);
  EXPECT_EQ(due(), Cookies{1});
  EXPECT_TRUE(waiting_.waits_for(For::kAllReleased));
}

TEST_F(WaitingTest, ForgettingSparesOthers) {
  int other = 0;
  Waiting::Done others = done(9);
  others.owner = &other;
  waiting_.add_release(0, 0, 1, 0, done(1));
  waiting_.add_release(0, 0, 1, 0, others);
  waiting_.add_request(For::kSettled, 0, 0, others);
  waiting_.add_request(For::kSettled, 0, 0, done(2));
  waiting_.forget(this);
  waiting_.satisfy(For::kSettled, 0, 0, nullptr);
  waiting_.piece_mapped(0, 0, latency_);
  EXPECT_EQ(due(), (Cookies{9, 9}));
}

}  // namespace
}  // namespace mayfly::vfio
