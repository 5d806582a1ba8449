// SPDX-License-Identifier: Apache-2.0
// What a disk with a limit does when, by a clock that the test sets.
#include "testing/blk_fixture.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class BlkLimitTest : public testing::BlkFixture {
 protected:
  explicit BlkLimitTest(const RateLimits& limits) : BlkFixture({.bytes = kDiskBytes}, limits) {
    run(kUsual | kFeatureEventIndex);
  }
  void put(const std::string& readable, std::uint32_t writable = 1) {
    ring_.chain().readable(readable).writable(writable).publish();
  }
  void put_write(std::size_t bytes) { put(header(kBlkOut) + std::string(bytes, 'x')); }
};

/// 1024 bytes at once, and 1024 a second.
class BlkBytesTest : public BlkLimitTest {
 protected:
  BlkBytesTest() : BlkLimitTest({.bytes = {.per_second = 1024, .burst = 1024}}) {}
};

/// Two requests at once, and two a second.
class BlkOperationsTest : public BlkLimitTest {
 protected:
  BlkOperationsTest() : BlkLimitTest({.operations = {.per_second = 2, .burst = 2}}) {}
};

class BlkNoLimitTest : public BlkLimitTest {
 protected:
  BlkNoLimitTest() : BlkLimitTest({}) {}
};

TEST_F(BlkNoLimitTest, ReadsNoClock) {
  for (int i = 0; i < 10; ++i) {
    put_write(512);
  }
  EXPECT_EQ(serve(), 10);
  EXPECT_EQ(blk_->held_for(), std::nullopt);
  driver_->reset();
  EXPECT_EQ(blk_->counts().waits.holds, 0U);
  EXPECT_EQ(clock_reads_, 0);
}

TEST_F(BlkBytesTest, LeavesInTheRingWhatItHasNoTokensFor) {
  for (int i = 0; i < 4; ++i) {
    put_write(512);
  }
  EXPECT_EQ(serve(), 2);
  EXPECT_EQ(ring_.used_index(), 2);
  EXPECT_EQ(blk_->held_for(), RateLimit::kLeastHoldNs) << "a token is there a little before";
  EXPECT_EQ(serve(), 0);
  now_ns_ += *blk_->held_for() - 1;
  EXPECT_EQ(serve(), 0);
  now_ns_ += 1;
  EXPECT_EQ(serve(), 1) << "one token, and then a debt";
  now_ns_ += kSecond;
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(blk_->held_for(), std::nullopt) << "nothing waits";
  EXPECT_EQ(blk_->counts().written_bytes, 2048U);
  EXPECT_EQ(blk_->counts().waits.holds, 2U);
  EXPECT_EQ(blk_->counts().waits.held_ns, RateLimit::kLeastHoldNs + kSecond);
}

TEST_F(BlkBytesTest, ARequestLargerThanTheBucketPassesAndIsPaidBack) {
  put_write(8192);
  put_write(512);
  EXPECT_EQ(serve(), 1);
  now_ns_ += 7 * kSecond;
  EXPECT_EQ(serve(), 0);
  now_ns_ += kSecond / 1024 + 1;
  EXPECT_EQ(serve(), 1);
}

TEST_F(BlkBytesTest, WhatIsReadAndWhatIsMadeZeroCostAsWell) {
  put(header(kBlkIn), 1024 + 1);
  put_write(512);
  EXPECT_EQ(serve(), 1);
  now_ns_ += 10 * kSecond;
  EXPECT_EQ(serve(), 1);
  now_ns_ += 10 * kSecond;
  put(header(kBlkWriteZeroesRequest) + range(0, 4));
  put_write(512);
  EXPECT_EQ(serve(), 1) << "2048 bytes are zero now";
  now_ns_ += kSecond;
  EXPECT_EQ(serve(), 0);
}

TEST_F(BlkBytesTest, AFlushIsNoByte) {
  for (int i = 0; i < 20; ++i) {
    put(header(kBlkFlushRequest));
  }
  EXPECT_EQ(serve(), 20);
  EXPECT_EQ(blk_->counts().flushes, 20U);
}

// Lengths that the store would never be asked for do not put the disk off for years.
TEST_F(BlkBytesTest, WhatIsRefusedCostsNoMoreThanWhatIsNot) {
  put(header(kBlkWriteZeroesRequest) + range(0, 0xffffffff));
  put_write(512);
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(answer(), kIoError);
  EXPECT_EQ(serve(), 0);
  now_ns_ += Blk::kZeroBytesMax / 1024 * kSecond;
  EXPECT_EQ(serve(), 1);
}

TEST_F(BlkOperationsTest, EachRequestIsOneWhateverItIs) {
  put(header(kBlkFlushRequest));
  put(header(99));
  put_write(4096);
  put(header(kBlkFlushRequest));
  EXPECT_EQ(serve(), 2);
  now_ns_ += kSecond / 2;
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(store_.log, "flush 0+0, write 0+4096, ");
  now_ns_ += kSecond / 2;
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(blk_->counts().flushes, 2U) << "what was held is honoured";
}

// A driver that resets the device again and again has no more of it, and waits for nothing.
TEST_F(BlkOperationsTest, AResetGivesNoTokensAndWaitsForNone) {
  put_write(512);
  put_write(512);
  put_write(512);
  EXPECT_EQ(serve(), 2);
  now_ns_ += 1000;
  for (int i = 0; i < 3; ++i) {
    driver_->reset();
    EXPECT_EQ(blk_->held_for(), std::nullopt) << "nothing waits without a driver";
    run(kUsual);
    put_write(512);
    EXPECT_EQ(serve(), 0);
    EXPECT_NE(blk_->held_for(), std::nullopt);
  }
  EXPECT_EQ(blk_->counts().waits.held_ns, 1000U);
  EXPECT_EQ(blk_->counts().writes, 2U);
  now_ns_ += kSecond;
  EXPECT_EQ(serve(), 1);
}

TEST_F(BlkOperationsTest, AQueueThatIsLostIsHeldNoMore) {
  put_write(512);
  put_write(512);
  ring_.chain().writable(1).publish();
  EXPECT_EQ(serve(), 2);
  EXPECT_NE(blk_->held_for(), std::nullopt);
  now_ns_ += kSecond;
  EXPECT_EQ(serve(), 0);
  EXPECT_TRUE(needs_reset());
  EXPECT_EQ(blk_->held_for(), std::nullopt);
}

}  // namespace
}  // namespace mayfly::virtio
