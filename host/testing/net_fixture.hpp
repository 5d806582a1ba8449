// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_packet_port.hpp"
#include "testing/net_base.hpp"

namespace mayfly::testing {

/// A network device between a driver with a ring for each queue and a fake network.
class NetFixture : public NetBase {
 protected:
  static constexpr std::uint64_t kMergeable = kPlain | virtio::kNetMergeable;
  static constexpr std::uint64_t kSegments = kMergeable | virtio::kNetGuestChecksum | virtio::kNetGuestTcp4;

  explicit NetFixture(const RateLimits& receive = {}, const RateLimits& send = {}) {
    std::vector<virtio::NetEnd> ends;
    ends.push_back({port_, loop_, alarm(receive, receive_alarm_), alarm(send, send_alarm_)});
    make(std::move(ends), receive, send);
  }
  // The device goes before what it refers to.
  ~NetFixture() override { transport_.reset(); }

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
  /// Lets time pass, and has the device do what there is.
  void pass(FakeAlarm& alarm, std::uint64_t ns) {
    alarm.pass(ns);
    EXPECT_TRUE(loop_.settle());
  }

  FakeEventLoop loop_;
  FakePacketPort port_{io::kAllOffloads};
  FakeDriverRing receive_ring_{ram_.memory(), GuestAddress(0x10000), 64};
  FakeDriverRing send_ring_{ram_.memory(), GuestAddress(0x40000), 64};
  /// Of a direction that has a limit.
  FakeAlarm* receive_alarm_ = nullptr;
  FakeAlarm* send_alarm_ = nullptr;
};

}  // namespace mayfly::testing
