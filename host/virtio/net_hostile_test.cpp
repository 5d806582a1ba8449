// SPDX-License-Identifier: Apache-2.0
// Drivers that break the rules of the network device: each breaks itself and nothing else.
#include "testing/net_fixture.hpp"
#include "testing/net_pairs_fixture.hpp"
#include "virtio/net.hpp"

namespace mayfly::virtio {
namespace {

class HostileNet : public testing::NetFixture {
 protected:
  HostileNet() { ::testing::internal::CaptureStderr(); }
  ~HostileNet() override { (void)::testing::internal::GetCapturedStderr(); }

  // The driver comes back, and all is well.
  void expect_fresh_start() {
    EXPECT_TRUE(needs_reset());
    run(kMergeable);
    EXPECT_FALSE(needs_reset());
    send_ring_.chain().readable(packet("again")).publish();
    receive_ring_.chain().writable(2048).publish();
    ASSERT_TRUE(port_.put(packet("answer")));
    ring(Net::kSendQueue);
    EXPECT_EQ(port_.next(), packet("again"));
    EXPECT_EQ(receive_ring_.take_used()->text, packet("answer", {.num_buffers = 1}));
  }
};

TEST_F(HostileNet, PacketWithoutAWholeHeader) {
  run(kPlain);
  send_ring_.chain().readable("short").publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(port_.next(), std::nullopt);
  expect_fresh_start();
}

TEST_F(HostileNet, PacketWithABufferToWrite) {
  run(kPlain);
  send_ring_.chain().readable(packet("x")).writable(64).publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(port_.next(), std::nullopt);
  expect_fresh_start();
}

TEST_F(HostileNet, PacketLongerThanThereAre) {
  run(kPlain);
  auto chain = send_ring_.chain();
  chain.readable(packet(""));
  for (int i = 0; i < 3; ++i) {
    chain.add({0x80000, 0x8000, 0, 0});
  }
  chain.publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(port_.next(), std::nullopt);
  expect_fresh_start();
}

TEST_F(HostileNet, ReceiveBufferThatIsNotToWrite) {
  run(kMergeable);
  receive_ring_.chain().readable("read me").writable(2048).publish();
  ASSERT_TRUE(port_.put(packet("answer to nobody")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(net_->counts().received_packets, 0U);
  while (port_.next()) {
  }
  EXPECT_TRUE(needs_reset());
}

TEST_F(HostileNet, ReceiveBufferTooSmallForAHeader) {
  run(kMergeable);
  receive_ring_.chain().writable(11).publish();
  ASSERT_TRUE(port_.put(packet("x")));
  ring(Net::kReceiveQueue);
  EXPECT_TRUE(needs_reset());
  EXPECT_EQ(net_->counts().received_packets, 0U);
}

TEST_F(HostileNet, ReceiveBuffersOfManyPiecesAreUsedAsFarAsThePiecesGo) {
  run(kSegments | kFeatureIndirectDescriptors);
  for (int i = 0; i < 3; ++i) {
    auto chain = receive_ring_.chain();
    chain.indirect();
    for (int piece = 0; piece < 60; ++piece) {
      chain.writable(16);
    }
    chain.publish();
  }
  // The driver has room for 180 pieces of 16 bytes, we look at 128.
  ASSERT_TRUE(port_.put(packet(std::string(16 * 128 - 11, 'x'))));
  ASSERT_TRUE(port_.put(packet(std::string(16 * 128 - 12, 'y'))));
  ring(Net::kReceiveQueue);
  EXPECT_FALSE(needs_reset());
  EXPECT_EQ(net_->counts().received_dropped, 1U);
  EXPECT_EQ(receive_ring_.take_used()->bytes, 960U);
  EXPECT_EQ(receive_ring_.take_used()->bytes, 960U);
  EXPECT_EQ(receive_ring_.take_used()->bytes, 128U);
}

TEST_F(HostileNet, AvailableIndexThatJumps) {
  for (const std::uint16_t queue : {Net::kReceiveQueue, Net::kSendQueue}) {
    run(kMergeable);
    (queue == Net::kSendQueue ? send_ring_ : receive_ring_).set_avail_index(1000);
    ASSERT_TRUE(port_.put(packet("x")));
    ring(queue);
    EXPECT_TRUE(needs_reset());
    while (port_.next()) {
    }
  }
}

TEST_F(HostileNet, RingingWithoutEndCostsATurnEach) {
  run(kMergeable);
  for (int i = 0; i < 10'000; ++i) {
    driver_->notify(Net::kSendQueue);
    driver_->notify(static_cast<std::uint16_t>(i % 2));
  }
  EXPECT_EQ(loop_.take_turn(), 1);
  EXPECT_EQ(loop_.take_turn(), 0);
}

TEST_F(HostileNet, ASendingDriverDoesNotKeepTheReceiverOut) {
  run(kMergeable);
  receive_ring_.chain().writable(2048).publish();
  ASSERT_TRUE(port_.put(packet("patient")));
  for (int i = 0; i < 64; ++i) {
    send_ring_.chain().readable(packet("x")).publish();
  }
  driver_->notify(Net::kSendQueue);
  for (int turn = 0; turn < 3; ++turn) {
    (void)loop_.take_turn();
  }
  EXPECT_EQ(net_->counts().received_packets, 1U);
}

class HostileNetPairs : public testing::NetPairsFixture {
 protected:
  HostileNetPairs() {
    ::testing::internal::CaptureStderr();
    run(kSeveral);
  }
  ~HostileNetPairs() override { (void)::testing::internal::GetCapturedStderr(); }
};

TEST_F(HostileNetPairs, CommandsThatAreNoneAreRefused) {
  EXPECT_EQ(use_pairs(2), kNetAckOk);
  const std::string none[] = {{},
                              {4},
                              {4, 0},
                              {4, 0, 1},
                              {4, 0, 0, 0},
                              {4, 0, kPairs + 1, 0},
                              {4, 0, 1, 1},
                              {4, 0, -1, -1},
                              {4, 1, 1, 0},
                              {0, 0, 1, 0},
                              {-1, -1, -1, -1}};
  for (const std::string& bytes : none) {
    EXPECT_EQ(command(bytes), kNetAckError) << ::testing::PrintToString(bytes);
  }
  EXPECT_EQ(ports_[1].receives(), true);
  EXPECT_EQ(ports_[2].receives(), std::nullopt);
  EXPECT_EQ(command(std::string({4, 0, 3, 0}) + std::string(3000, 'x')), kNetAckOk) << "the rest is not read";
  EXPECT_FALSE(needs_reset());
}

TEST_F(HostileNetPairs, CommandWithoutRoomForItsAnswer) {
  rings_[kControl].chain().readable({"\4\0\3\0", 4}).publish();
  ring(kControl);
  EXPECT_TRUE(needs_reset());
  EXPECT_EQ(ports_[1].receives(), std::nullopt) << "it was not carried out";
  run(kSeveral);
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  EXPECT_EQ(ports_[1].receives(), true);
}

TEST_F(HostileNetPairs, ControlQueueWhoseIndexJumps) {
  rings_[kControl].set_avail_index(1000);
  ring(kControl);
  EXPECT_TRUE(needs_reset());
}

// However often the driver changes its mind, each thread follows once when it comes to it.
TEST_F(HostileNetPairs, ChangesWithoutEndCostATurnEach) {
  for (unsigned i = 0; i < 1000; ++i) {
    rings_[kControl].chain().readable({i % 2 == 0 ? "\4\0\3\0" : "\4\0\1\0", 4}).writable(1).publish();
    driver_->notify(kControl);
    EXPECT_EQ(rings_[kControl].take_used()->text, std::string(1, kNetAckOk));
  }
  for (testing::FakeEventLoop& loop : loops_) {
    EXPECT_LE(loop.take_turn(), 1);
    EXPECT_EQ(loop.take_turn(), 0);
  }
}

TEST_F(HostileNetPairs, AQueueThatBreaksItsRulesTakesNoOtherPairWithIt) {
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  rings_[5].chain().readable("short").publish();
  ring(5);
  EXPECT_TRUE(needs_reset());
  run(kSeveral);
  EXPECT_FALSE(needs_reset());
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  for (std::uint16_t queue = 1; queue < kControl; queue += 2) {
    rings_[queue].chain().readable(packet("again")).publish();
    ring(queue);
    EXPECT_EQ(ports_[queue / 2U].next(), packet("again"));
  }
}

}  // namespace
}  // namespace mayfly::virtio
