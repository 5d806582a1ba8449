// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "testing/fake_alarm.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_packet_port.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/net.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::testing {

/// A network device between a driver with a ring for each queue and a fake network.
class NetFixture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPlain = virtio::kFeatureVersion1;
  static constexpr std::uint64_t kMergeable = kPlain | virtio::kNetMergeable;
  static constexpr std::uint64_t kSegments = kMergeable | virtio::kNetGuestChecksum | virtio::kNetGuestTcp4;
  static constexpr virtio::Net::Mac kMac{2, 1, 2, 3, 4, 5};

  explicit NetFixture(const RateLimits& receive = {}, const RateLimits& send = {}) {
    auto net = std::make_unique<virtio::Net>(
        port_, loop_, kMac, virtio::NetLimits{limit(receive, receive_alarm_), limit(send, send_alarm_)});
    net_ = net.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(net), ram_.memory(), sink_);
    driver_.emplace(*transport_);
    driver_->enable_msix();
  }

  void run(std::uint64_t features) {
    driver_->negotiate(features);
    receive_ring_.clear();
    send_ring_.clear();
    driver_->write<std::uint16_t>(16, 0);  // the vector of the configuration
    driver_->enable_queue(virtio::Net::kReceiveQueue, receive_ring_);
    driver_->enable_queue(virtio::Net::kSendQueue, send_ring_);
    driver_->driver_ok();
    EXPECT_TRUE(loop_.settle());
  }
  void ring(std::uint16_t queue) {
    driver_->notify(queue);
    EXPECT_TRUE(loop_.settle());
  }
  [[nodiscard]] bool needs_reset() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }

  static std::optional<virtio::NetLimit> limit(const RateLimits& limits, FakeAlarm*& alarm) {
    if (!limits.any()) {
      return std::nullopt;
    }
    auto owned = std::make_unique<FakeAlarm>();
    alarm = owned.get();
    return std::optional<virtio::NetLimit>({RateLimit(limits), std::move(owned)});
  }
  /// Lets time pass, and has the device do what there is.
  void pass(FakeAlarm& alarm, std::uint64_t ns) {
    alarm.pass(ns);
    EXPECT_TRUE(loop_.settle());
  }

  /// A packet as it is on both sides: its header, then `bytes`.
  static std::string packet(std::string_view bytes, virtio::NetHeader header = {}) {
    // Safe: the header's object representation.
    return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + std::string(bytes);
  }

  GuestRam ram_;
  FakeMsiSink sink_;
  FakeEventLoop loop_;
  FakePacketPort port_{io::kAllOffloads};
  FakeDriverRing receive_ring_{ram_.memory(), GuestAddress(0x10000), 64};
  FakeDriverRing send_ring_{ram_.memory(), GuestAddress(0x40000), 64};
  /// Of a direction that has a limit.
  FakeAlarm* receive_alarm_ = nullptr;
  FakeAlarm* send_alarm_ = nullptr;
  virtio::Net* net_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
