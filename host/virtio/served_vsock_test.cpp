// SPDX-License-Identifier: Apache-2.0
// A socket device that the host's kernel serves.
#include "virtio/served_vsock.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_fd.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_guest_side.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_queue_server.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::virtio {
namespace {

using testing::FakeVirtioDriver;

class ServedVsockTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kCid = 52;
  static constexpr std::uint64_t kPlain = kFeatureVersion1 | ServedVsock::kStreams;

  ServedVsockTest() {
    auto vsock = std::make_unique<ServedVsock>(std::make_unique<testing::FakeQueueServer>(told_),
                                               ServedVsock::kStreams | ServedVsock::kPackets, kCid, loop_);
    vsock_ = vsock.get();
    transport_ = std::make_unique<PciTransport>(std::move(vsock), ram_.memory(), sink_);
    transport_->deliver_by(interrupts_);
    driver_.emplace(*transport_);
    driver_->enable_msix();
    for (std::uint64_t queue = 0; queue < 3; ++queue) {
      rings_.emplace_back(ram_.memory(), GuestAddress(0x10000 + testing::FakeDriverRing::kBytes * queue), 8);
    }
  }
  // The device goes before what it refers to.
  ~ServedVsockTest() override { transport_.reset(); }

  void run() {
    driver_->negotiate(kPlain);
    driver_->write<std::uint16_t>(16, 0);
    for (std::uint16_t queue = 0; queue < 3; ++queue) {
      rings_[queue].clear();
      driver_->enable_queue(queue, rings_[queue]);
    }
    driver_->driver_ok();
    EXPECT_TRUE(loop_.settle());
  }
  [[nodiscard]] bool needs_reset() { return (driver_->status() & kStatusNeedsReset) != 0; }

  testing::GuestRam ram_;
  testing::FakeMsiSink sink_;
  testing::FakeEventLoop loop_;
  testing::FakeQueueServer::Told told_;
  testing::FakeEventInterrupts interrupts_;
  ServedVsock* vsock_ = nullptr;
  std::unique_ptr<PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
  std::vector<testing::FakeDriverRing> rings_;
};

TEST_F(ServedVsockTest, TellsItsAddressAndWhatTheServerDoes) {
  EXPECT_EQ(driver_->read<std::uint64_t>(FakeVirtioDriver::kDeviceConfig), kCid);
  EXPECT_EQ(driver_->offered() & 3U, 3U);
  EXPECT_EQ(driver_->read<std::uint16_t>(18), 3) << "queues";
}

TEST_F(ServedVsockTest, AllButEventsIsTheServers) {
  run();
  EXPECT_TRUE(told_.runs);
  EXPECT_EQ(told_.queues[0].descriptors, rings_[0].setup().descriptors);
  EXPECT_EQ(told_.queues[1].descriptors, rings_[1].setup().descriptors);
  EXPECT_EQ(vsock_->doorbell(0), told_.bells[0]);
  EXPECT_EQ(vsock_->doorbell(1), told_.bells[1]);
  EXPECT_EQ(vsock_->doorbell(2), -1);
  EXPECT_EQ(interrupts_.lines.size(), 2U);
  driver_->notify(1);
  driver_->notify(2);
  EXPECT_EQ(take_event(told_.bells[1]), 1U);
  EXPECT_EQ(take_event(told_.bells[0]), 0U);
}

TEST_F(ServedVsockTest, AFaultOrARefusalStopsItUntilItIsReset) {
  ::testing::internal::CaptureStderr();
  run();
  ring_event(told_.faults[1]);
  EXPECT_TRUE(loop_.settle());
  EXPECT_TRUE(needs_reset());
  EXPECT_FALSE(told_.runs);
  told_.refuses_to_run = true;
  run();
  EXPECT_TRUE(needs_reset());
  told_.refuses_to_run = false;
  run();
  EXPECT_FALSE(needs_reset());
  EXPECT_TRUE(told_.runs);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("virtio-vsock: queue 1: the host's kernel"),
            std::string::npos);
}

TEST_F(ServedVsockTest, AResetOrAPauseStopsIt) {
  run();
  vsock_->pause();
  EXPECT_FALSE(told_.runs);
  vsock_->resume();
  EXPECT_TRUE(loop_.settle());
  EXPECT_TRUE(told_.runs);
  EXPECT_EQ(told_.set_ups, 1);
  driver_->reset();
  EXPECT_FALSE(told_.runs);
}

}  // namespace
}  // namespace mayfly::virtio
