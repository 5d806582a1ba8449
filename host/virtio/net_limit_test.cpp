// SPDX-License-Identifier: Apache-2.0
// What a network device with limits does when, by clocks that the test sets.
#include "testing/net_fixture.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Two packets of each direction at once, and two a second.
class NetPacketsTest : public testing::NetFixture {
 protected:
  NetPacketsTest()
      : NetFixture({.operations = {.per_second = 2, .burst = 2}},
                   {.operations = {.per_second = 2, .burst = 2}}) {
    run(kPlain);
  }
  void put_send(std::size_t bytes = 1) {
    send_ring_.chain().readable(packet(std::string(bytes, 'x'))).publish();
  }
  void put_buffer() { receive_ring_.chain().writable(2048).publish(); }
};

/// 1000 bytes of each direction at once, and 1000 a second.
class NetBytesTest : public testing::NetFixture {
 protected:
  NetBytesTest()
      : NetFixture({.bytes = {.per_second = 1000, .burst = 1000}},
                   {.bytes = {.per_second = 1000, .burst = 1000}}) {
    run(kPlain);
  }
};

TEST_F(NetPacketsTest, WhatIsSentWaitsInItsRing) {
  for (int i = 0; i < 5; ++i) {
    put_send();
  }
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_index(), 2);
  EXPECT_EQ(send_alarm_->at, kSecond + kSecond / 2);
  pass(*send_alarm_, kSecond / 2 - 1);
  EXPECT_EQ(send_ring_.used_index(), 2);
  pass(*send_alarm_, 1);
  EXPECT_EQ(send_ring_.used_index(), 3);
  pass(*send_alarm_, kSecond);
  EXPECT_EQ(send_ring_.used_index(), 5);
  EXPECT_EQ(send_alarm_->at, std::nullopt) << "nothing waits";
  EXPECT_EQ(net_->counts().send_waits.holds, 2U);
  EXPECT_EQ(net_->counts().send_waits.held_ns, kSecond + kSecond / 2);
  EXPECT_EQ(net_->counts().sent_packets, 5U);
}

TEST_F(NetPacketsTest, WhatIsReceivedWaitsInThePort) {
  for (int i = 0; i < 4; ++i) {
    put_buffer();
    ASSERT_TRUE(port_.put(packet("x")));
  }
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_index(), 2);
  pass(*receive_alarm_, kSecond / 2);
  EXPECT_EQ(receive_ring_.used_index(), 3);
  pass(*receive_alarm_, kSecond);
  EXPECT_EQ(receive_ring_.used_index(), 4);
  EXPECT_EQ(net_->counts().received_dropped, 0U);
  EXPECT_EQ(net_->counts().receive_waits.holds, 2U);
}

// A guest that rings and rings, for either queue, does not wake the loop.
TEST_F(NetPacketsTest, RingingForAQueueThatIsHeldWakesNobody) {
  for (int i = 0; i < 3; ++i) {
    put_send();
    put_buffer();
    ASSERT_TRUE(port_.put(packet("x")));
  }
  ring(Net::kSendQueue);
  ring(Net::kReceiveQueue);
  for (const std::uint16_t queue : {Net::kSendQueue, Net::kReceiveQueue}) {
    for (int i = 0; i < 100; ++i) {
      driver_->notify(queue);
      EXPECT_EQ(loop_.take_turn(), 0) << queue;
    }
  }
  pass(*send_alarm_, kSecond / 2);
  pass(*receive_alarm_, kSecond / 2);
  EXPECT_EQ(send_ring_.used_index(), 3);
  EXPECT_EQ(receive_ring_.used_index(), 3);
  put_send();
  ring(Net::kSendQueue);
  EXPECT_NE(send_alarm_->at, std::nullopt) << "it hears of what is rung for after that";
}

TEST_F(NetPacketsTest, OneDirectionGoesOnWhileTheOtherIsHeld) {
  for (int i = 0; i < 3; ++i) {
    put_send();
  }
  ring(Net::kSendQueue);
  ASSERT_TRUE(port_.put(packet("x")));
  EXPECT_TRUE(loop_.settle());
  put_buffer();
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_index(), 1);
  EXPECT_EQ(send_ring_.used_index(), 2);
}

TEST_F(NetPacketsTest, AResetGivesNoTokensAndWaitsForNone) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      put_send();
    }
    ring(Net::kSendQueue);
    EXPECT_EQ(send_ring_.used_index(), round == 0 ? 2 : 0);
    run(kPlain);
  }
  put_send();
  pass(*send_alarm_, kSecond);
  EXPECT_EQ(send_ring_.used_index(), 1);
  EXPECT_EQ(net_->counts().sent_packets, 3U);
}

TEST_F(NetPacketsTest, APortThatGoesIsNoticedWhileItIsHeld) {
  for (int i = 0; i < 3; ++i) {
    put_buffer();
    ASSERT_TRUE(port_.put(packet("x")));
  }
  ring(Net::kReceiveQueue);
  port_.close_network();
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig).status, 0);
  pass(*receive_alarm_, kSecond);
}

TEST_F(NetPacketsTest, RoomAtThePortIsWaitedForBesideTheLimit) {
  port_.full = true;
  port_.flush_is_in_vain = true;
  for (int i = 0; i < 3; ++i) {
    put_send();
  }
  driver_->notify(Net::kSendQueue);
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_GT(loop_.take_turn(), 0) << "it waits for room";
  }
  EXPECT_EQ(send_ring_.used_index(), 0);
  EXPECT_EQ(send_alarm_->at, std::nullopt) << "what does not leave costs nothing";
  port_.flush_is_in_vain = false;
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(send_ring_.used_index(), 2);
  port_.full = true;
  pass(*send_alarm_, kSecond / 2);
  EXPECT_EQ(send_ring_.used_index(), 3);
}

TEST_F(NetBytesTest, APacketCostsItsBytesAndMayBeLargerThanTheBucket) {
  send_ring_.chain().readable(packet(std::string(3000, 'x'))).publish();
  send_ring_.chain().readable(packet("y")).publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_index(), 1);
  pass(*send_alarm_, 2 * kSecond);
  EXPECT_EQ(send_ring_.used_index(), 1) << "the bucket is empty, and has no token yet";
  pass(*send_alarm_, kSecond / 1000);
  EXPECT_EQ(send_ring_.used_index(), 2);
  for (int i = 0; i < 2; ++i) {
    receive_ring_.chain().writable(4096).publish();
    ASSERT_TRUE(port_.put(packet(std::string(1400, 'x'))));
  }
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_index(), 1);
  pass(*receive_alarm_, kSecond / 2);
  EXPECT_EQ(receive_ring_.used_index(), 2);
}

class NetNoLimitTest : public testing::NetFixture {};

TEST_F(NetNoLimitTest, HasOneDoorbell) {
  EXPECT_EQ(net_->doorbell(Net::kSendQueue), net_->doorbell(Net::kReceiveQueue));
}

}  // namespace
}  // namespace mayfly::virtio
