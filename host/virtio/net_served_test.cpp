// SPDX-License-Identifier: Apache-2.0
// A network device whose packets the host's kernel moves: when it does, and how its events reach the driver.
#include <optional>
#include <utility>
#include <vector>

#include "base/event_fd.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_guest_side.hpp"
#include "testing/fake_packet_port.hpp"
#include "testing/fake_queue_server.hpp"
#include "testing/net_base.hpp"

namespace mayfly::virtio {
namespace {

using testing::FakeVirtioDriver;
using Told = testing::FakeQueueServer::Told;

class NetServedTest : public testing::NetBase {
 protected:
  static constexpr std::size_t kPairs = 2;
  static constexpr std::uint16_t kControl = 2 * kPairs;
  static constexpr std::uint64_t kSeveral = kPlain | kNetControlQueue | kNetSeveralPairs;
  static constexpr std::uint16_t kReceive = Net::kReceiveQueue;
  static constexpr std::uint16_t kSend = Net::kSendQueue;

  NetServedTest() {
    std::vector<NetEnd> ends;
    for (std::size_t i = 0; i < kPairs; ++i) {
      ends.push_back(
          {ports_[i], loop_, nullptr, nullptr, std::make_unique<testing::FakeQueueServer>(told_[i])});
    }
    make(std::move(ends), {}, {});
    transport_->deliver_by(interrupts_);
    for (std::uint64_t queue = 0; queue <= kControl; ++queue) {
      rings_.emplace_back(ram_.memory(), GuestAddress(0x10000 + testing::FakeDriverRing::kBytes * queue),
                          queue == kControl ? 16 : 64);
    }
  }
  // The device goes before what it refers to.
  ~NetServedTest() override { transport_.reset(); }

  void settle() { EXPECT_TRUE(loop_.settle()); }
  /// Queue i has vector i + 1.
  void negotiate(std::uint64_t features) {
    driver_->negotiate(features);
    driver_->write<std::uint16_t>(16, 0);
    for (std::uint16_t queue = 0; queue <= kControl; ++queue) {
      rings_[queue].clear();
      driver_->enable_queue(queue, rings_[queue], static_cast<std::uint16_t>(queue + 1));
    }
  }
  void run(std::uint64_t features) {
    negotiate(features);
    driver_->driver_ok();
    settle();
  }
  /// What an event of that queue is sent as now; nothing: it waits.
  [[nodiscard]] std::optional<std::uint32_t> data_of(std::size_t pair, std::size_t queue) const {
    for (const auto& [line, sent] : interrupts_.lines) {
      if (sent.first == told_[pair].interrupts[queue]) {
        return sent.second.data;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] bool has_link() {
    return driver_->read<NetConfig>(FakeVirtioDriver::kDeviceConfig).status == kNetLinkUp;
  }

  testing::FakeEventLoop loop_;
  std::array<testing::FakePacketPort, kPairs> ports_{testing::FakePacketPort{io::kAllOffloads},
                                                     testing::FakePacketPort{io::kAllOffloads}};
  std::array<Told, kPairs> told_;
  testing::FakeEventInterrupts interrupts_;
  std::vector<testing::FakeDriverRing> rings_;
};

TEST_F(NetServedTest, TheServerHearsOfADriver) {
  EXPECT_EQ(told_[0].set_ups, 0);
  run(kSeveral | kNetMergeable | kNetGuestChecksum);
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    EXPECT_TRUE(told_[pair].runs);
    EXPECT_EQ(told_[pair].set_ups, 1);
    EXPECT_EQ(told_[pair].features & kNetMergeable, kNetMergeable);
    for (std::size_t queue = 0; queue < 2; ++queue) {
      const QueueSetup ring = rings_[2 * pair + queue].setup();
      EXPECT_EQ(told_[pair].queues[queue].size, 64);
      EXPECT_EQ(told_[pair].queues[queue].descriptors, ring.descriptors);
      EXPECT_EQ(told_[pair].queues[queue].driver_area, ring.driver_area);
      EXPECT_EQ(told_[pair].queues[queue].device_area, ring.device_area);
    }
    EXPECT_EQ(ports_[pair].accepted(), io::kChecksum);
  }
}

TEST_F(NetServedTest, OfADriverWithOnePairTheSecondStands) {
  run(kPlain);
  EXPECT_TRUE(told_[0].runs);
  EXPECT_EQ(told_[1].set_ups, 0);
}

TEST_F(NetServedTest, APairWithHalfOfItsQueuesIsNotServed) {
  driver_->negotiate(kPlain);
  driver_->enable_queue(kReceive, rings_[kReceive]);
  driver_->driver_ok();
  settle();
  EXPECT_EQ(told_[0].set_ups, 0);
}

TEST_F(NetServedTest, DoorbellsAreTheServers) {
  EXPECT_EQ(net_->doorbell(kReceive), told_[0].bells[kReceive]);
  EXPECT_EQ(net_->doorbell(kSend), told_[0].bells[kSend]);
  EXPECT_EQ(net_->doorbell(3), told_[1].bells[kSend]);
  run(kPlain);
  driver_->notify(kReceive);
  driver_->notify(kSend);
  settle();
  EXPECT_EQ(1U, take_event(told_[0].bells[kReceive])) << "nobody else takes it";
  EXPECT_EQ(1U, take_event(told_[0].bells[kSend]));
}

// To such a driver the second pair's receiving queue is the control queue, whose doorbell is that pair's.
TEST_F(NetServedTest, ADriverWithoutPairsHasItsControlQueueAnswered) {
  run(kPlain | kNetControlQueue);
  rings_[2].chain().readable({"\4\0\1\0", 4}).writable(1).publish();
  ring_event(net_->doorbell(2));
  settle();
  const auto used = rings_[2].take_used();
  ASSERT_TRUE(used.has_value());
  EXPECT_EQ(used->text, std::string(1, kNetAckError));
}

TEST_F(NetServedTest, AResetStopsItAtOnceAndForgetsItsEvents) {
  run(kSeveral);
  ring_event(told_[0].faults[kSend]);
  ring_event(told_[0].interrupts[kReceive]);
  driver_->reset();
  EXPECT_FALSE(told_[0].runs) << "before the vCPU goes on";
  EXPECT_FALSE(told_[1].runs);
  EXPECT_EQ(0U, take_event(told_[0].interrupts[kReceive]));
  run(kPlain);
  EXPECT_FALSE(needs_reset()) << "the fault was the other driver's";
  EXPECT_TRUE(told_[0].runs);
  EXPECT_EQ(told_[0].set_ups, 2);
}

TEST_F(NetServedTest, ADriverThatGoesBeforeItsTurnIsNotServed) {
  negotiate(kPlain);
  driver_->driver_ok();
  driver_->reset();
  settle();
  EXPECT_EQ(told_[0].set_ups, 0);
}

TEST_F(NetServedTest, PacketsComeToThePairsThatTheDriverUses) {
  run(kSeveral);
  EXPECT_EQ(ports_[1].receives(), std::nullopt);
  rings_[kControl].chain().readable({"\4\0\2\0", 4}).writable(1).publish();
  driver_->notify(kControl);
  settle();
  EXPECT_EQ(ports_[1].receives(), true);
  driver_->reset();
  settle();
  EXPECT_EQ(ports_[1].receives(), false);
}

TEST_F(NetServedTest, AFaultStopsTheDeviceUntilItIsReset) {
  run(kPlain);
  ::testing::internal::CaptureStderr();
  ring_event(told_[0].faults[kSend]);
  settle();
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("queue 1: the host's kernel"), std::string::npos);
  EXPECT_TRUE(needs_reset());
  EXPECT_FALSE(told_[0].runs);
  EXPECT_EQ(told_[0].stops, 1);
  ring_event(told_[0].faults[kReceive]);
  settle();
  EXPECT_EQ(told_[0].stops, 1);
  EXPECT_TRUE(has_link());
  run(kPlain);
  EXPECT_FALSE(needs_reset());
  EXPECT_TRUE(told_[0].runs);
}

TEST_F(NetServedTest, WhereTheHostRefusesThereIsNoLink) {
  told_[0].refuses_set_up = true;
  ::testing::internal::CaptureStderr();
  run(kPlain);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("fake of --net is gone"), std::string::npos);
  EXPECT_FALSE(told_[0].runs);
  EXPECT_FALSE(has_link());
  told_[0].refuses_set_up = false;
  told_[0].refuses_to_run = true;
  run(kPlain);
  EXPECT_FALSE(told_[0].runs);
  EXPECT_EQ(told_[0].runs_begun, 1);
}

// Only then the host says so: it has nothing to watch that a packet would not wake up as well.
TEST_F(NetServedTest, APortThatIsGoneIsALinkThatIsDownAfterAPause) {
  run(kPlain);
  net_->pause();
  told_[0].refuses_to_run = true;
  ::testing::internal::CaptureStderr();
  net_->resume();
  settle();
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("fake of --net is gone"), std::string::npos);
  EXPECT_FALSE(has_link());
}

TEST_F(NetServedTest, APauseHoldsItWhereItIs) {
  run(kPlain);
  net_->pause();
  EXPECT_FALSE(told_[0].runs);
  net_->resume();
  settle();
  EXPECT_TRUE(told_[0].runs);
  EXPECT_EQ(told_[0].set_ups, 1) << "the rings go on where they were";
  EXPECT_FALSE(told_[1].runs);
}

TEST_F(NetServedTest, ADriverThatCameInAPauseIsServedAfterIt) {
  negotiate(kPlain);
  driver_->driver_ok();
  net_->pause();
  EXPECT_EQ(told_[0].stops, 0);
  net_->resume();
  settle();
  EXPECT_TRUE(told_[0].runs);
}

TEST_F(NetServedTest, EventsAreSentWhereTheDriverWantsThem) {
  EXPECT_EQ(data_of(0, kReceive), std::nullopt);
  negotiate(kSeveral);
  EXPECT_EQ(data_of(0, kReceive), std::nullopt) << "the device does not run";
  driver_->driver_ok();
  settle();
  EXPECT_EQ(data_of(0, kReceive), FakeVirtioDriver::kMsiData + 1);
  EXPECT_EQ(data_of(0, kSend), FakeVirtioDriver::kMsiData + 2);
  EXPECT_EQ(data_of(1, kReceive), FakeVirtioDriver::kMsiData + 3);
  driver_->reset();
  EXPECT_TRUE(interrupts_.lines.empty());
}

TEST_F(NetServedTest, EventsOfAMaskedVectorWait) {
  run(kPlain);
  const auto entry = [](unsigned vector) { return FakeVirtioDriver::kMsixTable + 16U * vector; };
  driver_->write<std::uint32_t>(entry(1) + 12, 1);
  EXPECT_EQ(data_of(0, kReceive), std::nullopt);
  EXPECT_EQ(data_of(0, kSend), FakeVirtioDriver::kMsiData + 2) << "the other is left alone";
  driver_->write<std::uint32_t>(entry(1) + 8, 0x77);
  driver_->write<std::uint32_t>(entry(1) + 12, 0);
  EXPECT_EQ(data_of(0, kReceive), 0x77U);
  driver_->write<std::uint32_t>(entry(1) + 8, 0x78);
  EXPECT_EQ(data_of(0, kReceive), 0x78U) << "also without a mask";
}

TEST_F(NetServedTest, WhereNoEventCanBeSentTheDriverIsTold) {
  interrupts_.refuse = true;
  ::testing::internal::CaptureStderr();
  run(kPlain);
  (void)::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(needs_reset());
}

}  // namespace
}  // namespace mayfly::virtio
