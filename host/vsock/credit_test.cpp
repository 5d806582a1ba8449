// SPDX-License-Identifier: Apache-2.0
#include "vsock/credit.hpp"

#include <gtest/gtest.h>

namespace mayfly::vsock {
namespace {

TEST(SendCredit, IsNothingBeforeTheGuestTold) { EXPECT_EQ(SendCredit().available(), 0U); }

TEST(SendCredit, IsWhatTheGuestHasRoomFor) {
  SendCredit credit;
  credit.told(100, 0);
  credit.sent(60);
  EXPECT_EQ(credit.available(), 40U);
  credit.told(100, 50);
  EXPECT_EQ(credit.available(), 90U);
}

TEST(SendCredit, IsNothingWhenTheBufferShrankBelowWhatIsUnderWay) {
  SendCredit credit;
  credit.told(100, 0);
  credit.sent(60);
  credit.told(50, 0);
  EXPECT_EQ(credit.available(), 0U);
}

TEST(SendCredit, IsNoneForBytesThatWereNeverSent) {
  SendCredit credit;
  credit.told(100, 0);
  credit.sent(60);
  credit.told(100, 61);
  EXPECT_EQ(credit.available(), 40U);
  credit.told(100, 60);
  EXPECT_EQ(credit.available(), 100U);
}

TEST(SendCredit, IsNotTakenBack) {
  SendCredit credit;
  credit.told(100, 0);
  credit.sent(60);
  credit.told(100, 50);
  credit.told(100, 20);
  EXPECT_EQ(credit.available(), 90U);
}

TEST(SendCredit, GoesOnWhenCountersWrap) {
  SendCredit credit;
  credit.told(0xffff'ffff, 0);
  credit.sent(0xffff'fff0);
  credit.told(0xffff'ffff, 0xffff'fff0);
  credit.sent(0x20);  // 0x10 by now
  credit.told(0x100, 8);
  EXPECT_EQ(credit.available(), 0xf8U);
}

TEST(ReceiveCredit, RefusesMoreThanThereIsRoomFor) {
  ReceiveCredit credit;
  EXPECT_TRUE(credit.received(ReceiveCredit::kBufferBytes));
  EXPECT_FALSE(credit.received(1));
  credit.forwarded(10);
  EXPECT_FALSE(credit.received(11));
  EXPECT_TRUE(credit.received(10));
  EXPECT_FALSE(credit.received(0xffff'ffff));
}

TEST(ReceiveCredit, TellsBeforeTheGuestThinksThatThereIsNoRoom) {
  ReceiveCredit credit;
  EXPECT_TRUE(credit.received(ReceiveCredit::kBufferBytes / 2));
  credit.forwarded(ReceiveCredit::kBufferBytes / 2);
  EXPECT_FALSE(credit.should_tell());
  EXPECT_TRUE(credit.received(1));
  EXPECT_TRUE(credit.should_tell());
  EXPECT_EQ(credit.tell(), ReceiveCredit::kBufferBytes / 2);
  EXPECT_FALSE(credit.should_tell());
}

TEST(ReceiveCredit, HasNothingToTellWhileNothingIsPassedOn) {
  ReceiveCredit credit;
  EXPECT_TRUE(credit.received(ReceiveCredit::kBufferBytes));
  EXPECT_FALSE(credit.should_tell());
}

TEST(ReceiveCredit, GoesOnWhenCountersWrap) {
  ReceiveCredit credit;
  for (std::uint64_t bytes = 0; bytes < 1ULL << 33U; bytes += ReceiveCredit::kBufferBytes) {
    ASSERT_TRUE(credit.received(ReceiveCredit::kBufferBytes));
    credit.forwarded(ReceiveCredit::kBufferBytes);
    ASSERT_TRUE(credit.should_tell());
    ASSERT_EQ(credit.tell(), static_cast<std::uint32_t>(bytes + ReceiveCredit::kBufferBytes));
  }
}

}  // namespace
}  // namespace mayfly::vsock
