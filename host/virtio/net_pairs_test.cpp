// SPDX-License-Identifier: Apache-2.0
// A network device with several pairs of queues: which of them carry packets, and who says so.
#include <unistd.h>

#include "testing/net_fixture.hpp"
#include "testing/net_pairs_fixture.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint8_t kNoAnswer = 255;

class NetOnePairTest : public testing::NetFixture {};

TEST_F(NetOnePairTest, HasNoControlQueue) {
  EXPECT_EQ(driver_->offered() & (kNetControlQueue | kNetSeveralPairs), 0U);
  EXPECT_EQ(driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig).max_virtqueue_pairs, 1);
  EXPECT_EQ(driver_->read<std::uint16_t>(18), 2) << "queues";
  EXPECT_EQ(driver_->config_read<std::uint16_t>(driver_->capability(0x11) + 2U) & 0x7ff, 1) << "vectors - 1";
}

class NetPairsTest : public testing::NetPairsFixture {
 protected:
  using NetPairsFixture::NetPairsFixture;
  static std::uint16_t receive_queue(std::size_t pair) { return static_cast<std::uint16_t>(2 * pair); }
  static std::uint16_t send_queue(std::size_t pair) { return static_cast<std::uint16_t>(2 * pair + 1); }
  // A packet out by each pair, and one in.
  void expect_carries(std::size_t pair) {
    const std::string name = std::to_string(pair);
    rings_[send_queue(pair)].chain().readable(packet("out " + name)).publish();
    rings_[receive_queue(pair)].chain().writable(2048).publish();
    ASSERT_TRUE(ports_[pair].put(packet("in " + name)));
    (void)sink_.take();
    ring(send_queue(pair));
    ring(receive_queue(pair));
    EXPECT_EQ(ports_[pair].next(), packet("out " + name));
    const auto used = rings_[receive_queue(pair)].take_used();
    ASSERT_TRUE(used.has_value()) << pair;
    EXPECT_EQ(used->text, packet("in " + name, {.num_buffers = 1}));
    std::uint32_t vectors = 0;
    for (const io::MsiMessage& message : sink_.take()) {
      vectors |= 1U << (message.data - testing::FakeVirtioDriver::kMsiData);
    }
    EXPECT_EQ(vectors, (1U << (receive_queue(pair) + 1U)) | (1U << (send_queue(pair) + 1U)))
        << "its own interrupts";
  }
};

TEST_F(NetPairsTest, TellsHowManyThereAre) {
  EXPECT_EQ(driver_->offered() & (kNetControlQueue | kNetSeveralPairs), kNetControlQueue | kNetSeveralPairs);
  EXPECT_EQ(driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig).max_virtqueue_pairs, kPairs);
  EXPECT_EQ(driver_->read<std::uint16_t>(18), 2 * kPairs + 1) << "queues";
  EXPECT_EQ(driver_->config_read<std::uint16_t>(driver_->capability(0x11) + 2U) & 0x7ff, 2 * kPairs)
      << "vectors - 1";
}

TEST_F(NetPairsTest, EachHasItsDoorbellAndTheControlQueueNone) {
  EXPECT_NE(net_->doorbell(0), net_->doorbell(2));
  EXPECT_NE(net_->doorbell(2), net_->doorbell(4));
  EXPECT_EQ(net_->doorbell(4), net_->doorbell(5));
  EXPECT_EQ(net_->doorbell(kControl), -1);
}

TEST_F(NetPairsTest, AtFirstPacketsComeToTheFirstAlone) {
  run(kSeveral);
  expect_carries(0);
  for (std::size_t pair = 1; pair < kPairs; ++pair) {
    rings_[receive_queue(pair)].chain().writable(2048).publish();
    ASSERT_TRUE(ports_[pair].put(packet("early")));
    ring(receive_queue(pair));
    EXPECT_EQ(rings_[receive_queue(pair)].used_index(), 0);
    EXPECT_EQ(ports_[pair].receives(), std::nullopt);
  }
}

TEST_F(NetPairsTest, ThoseThatTheDriverUsesCarryPackets) {
  run(kSeveral);
  EXPECT_EQ(use_pairs(kPairs), kNetAckOk);
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    expect_carries(pair);
    EXPECT_EQ(ports_[pair].receives(), pair == 0 ? std::nullopt : std::optional(true));
    EXPECT_EQ(ports_[pair].accepted(), io::Offloads{0});
  }
  EXPECT_EQ(net_->counts().sent_packets, kPairs);
  EXPECT_EQ(net_->counts().received_packets, kPairs);
}

TEST_F(NetPairsTest, ThoseThatItUsesNoMoreGetNone) {
  run(kSeveral);
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  rings_[receive_queue(2)].chain().writable(2048).publish();
  ring(receive_queue(2));
  EXPECT_EQ(use_pairs(2), kNetAckOk);
  EXPECT_EQ(ports_[1].receives(), true);
  EXPECT_EQ(ports_[2].receives(), false);
  ASSERT_TRUE(ports_[2].put(packet("late")));
  settle();
  EXPECT_EQ(rings_[receive_queue(2)].used_index(), 0);
  rings_[send_queue(2)].chain().readable(packet("rest")).publish();
  ring(send_queue(2));
  EXPECT_EQ(ports_[2].next(), packet("rest")) << "what it has left there still goes out";
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  EXPECT_EQ(rings_[receive_queue(2)].used_index(), 1);
}

// The answer says that no packet comes there any more: also before the thread has detached the queue.
TEST_F(NetPairsTest, AnAnswerIsTrueAtOnce) {
  run(kSeveral);
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  rings_[receive_queue(1)].chain().writable(2048).publish();
  ring(receive_queue(1));
  rings_[kControl].chain().readable({"\4\0\1\0", 4}).writable(1).publish();
  driver_->notify(kControl);
  EXPECT_EQ(rings_[kControl].used_index(), 2) << "within the exit";
  ASSERT_TRUE(ports_[1].put(packet("in between")));
  settle();
  EXPECT_EQ(rings_[receive_queue(1)].used_index(), 0);
}

TEST_F(NetPairsTest, AResetGoesBackToTheFirst) {
  run(kSeveral);
  EXPECT_EQ(use_pairs(3), kNetAckOk);
  driver_->reset();
  settle();
  EXPECT_EQ(ports_[1].receives(), false);
  EXPECT_EQ(ports_[2].receives(), false);
  run(kSeveral);
  rings_[receive_queue(1)].chain().writable(2048).publish();
  ASSERT_TRUE(ports_[1].put(packet("early")));
  ring(receive_queue(1));
  EXPECT_EQ(rings_[receive_queue(1)].used_index(), 0);
  expect_carries(0);
  EXPECT_EQ(use_pairs(2), kNetAckOk);
  EXPECT_EQ(rings_[receive_queue(1)].used_index(), 1);
}

// Its control queue is the third queue then, where the second pair's doorbell is.
TEST_F(NetPairsTest, ADriverThatKnowsNoPairsHasOne) {
  run(kPlain | kNetControlQueue);
  expect_carries(0);
  EXPECT_EQ(command({4, 0, 2, 0}, 2), kNetAckError);
  rings_[2].chain().readable({"\4\0\1\0", 4}).writable(1).publish();
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(net_->doorbell(2), &one, sizeof(one)), 8);
  settle();
  EXPECT_EQ(rings_[2].take_used()->text, std::string(1, kNetAckError));
  EXPECT_EQ(command({4, 0, 1, 0}), kNoAnswer);
  run(kPlain);
  expect_carries(0);
  EXPECT_EQ(command({4, 0, 1, 0}, 2), kNoAnswer) << "it has not taken that queue";
}

TEST_F(NetPairsTest, ATapThatGoesIsOneLinkThatIsDown) {
  run(kSeveral | kNetStatus);
  EXPECT_EQ(use_pairs(2), kNetAckOk);
  ::testing::internal::CaptureStderr();
  (void)sink_.take();
  for (auto& port : ports_) {
    port.close_network();
  }
  settle();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("fake of --net is gone"), std::string::npos);
  EXPECT_EQ(said.find("gone"), said.rfind("gone")) << "once";
  EXPECT_EQ(driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig).status, 0);
  EXPECT_EQ(sink_.take().size(), 1U);
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    rings_[send_queue(pair)].chain().readable(packet("into the void")).publish();
    ring(send_queue(pair));
    EXPECT_EQ(rings_[send_queue(pair)].used_index(), 1);
  }
}

/// Two packets of each direction at once, and two a second.
class LimitedNetPairs : public NetPairsTest {
 protected:
  LimitedNetPairs()
      : NetPairsTest({.operations = {.per_second = 2, .burst = 2}},
                     {.operations = {.per_second = 2, .burst = 2}}) {
    run(kSeveral);
    EXPECT_EQ(use_pairs(kPairs), kNetAckOk);
  }
  void pass(std::uint64_t ns) {
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      send_alarms_[pair]->pass(ns);
      receive_alarms_[pair]->pass(ns);
    }
    settle();
  }
};

TEST_F(LimitedNetPairs, AreHeldTogether) {
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    for (int i = 0; i < 2; ++i) {
      rings_[send_queue(pair)].chain().readable(packet("x")).publish();
      rings_[receive_queue(pair)].chain().writable(2048).publish();
      ASSERT_TRUE(ports_[pair].put(packet("y")));
    }
  }
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    ring(send_queue(pair));
    ring(receive_queue(pair));
  }
  EXPECT_EQ(net_->counts().sent_packets, 2U);
  EXPECT_EQ(net_->counts().received_packets, 2U);
  for (std::uint64_t half = 1; half <= 4; ++half) {
    pass(kSecond / 2);
    EXPECT_EQ(net_->counts().sent_packets, 2 + half);
    EXPECT_EQ(net_->counts().received_packets, 2 + half);
  }
  pass(kSecond);
  EXPECT_EQ(net_->counts().sent_packets, 6U) << "all there were";
  EXPECT_GT(net_->counts().send_waits.held_ns, kSecond);
}

}  // namespace
}  // namespace mayfly::virtio
