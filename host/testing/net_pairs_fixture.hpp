// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_packet_port.hpp"
#include "testing/net_base.hpp"

namespace mayfly::testing {

/// A network device with three pairs of queues, each between the driver's rings and a network of its own.
class NetPairsBase : public NetBase {
 protected:
  static constexpr std::size_t kPairs = 3;
  static constexpr std::uint16_t kControl = 2 * kPairs;
  static constexpr std::uint64_t kSeveral = kPlain | virtio::kNetControlQueue | virtio::kNetSeveralPairs;

  /// Has all loops do what there is to do, where they are the test's.
  virtual void settle() {}

  void make_pairs(const std::array<io::EventLoop*, kPairs>& loops, const RateLimits& receive,
                  const RateLimits& send) {
    std::vector<virtio::NetEnd> ends;
    for (std::size_t i = 0; i < kPairs; ++i) {
      ends.push_back(
          {ports_[i], *loops[i], alarm(receive, receive_alarms_[i]), alarm(send, send_alarms_[i])});
    }
    make(std::move(ends), receive, send);
    for (std::uint64_t queue = 0; queue <= kControl; ++queue) {
      rings_.emplace_back(ram_.memory(), GuestAddress(0x10000 + FakeDriverRing::kBytes * queue),
                          queue == kControl ? 16 : 64);
    }
  }

  /// Queue i has vector i + 1.
  void run(std::uint64_t features) {
    driver_->negotiate(features);
    driver_->write<std::uint16_t>(16, 0);
    for (std::uint16_t queue = 0; queue <= kControl; ++queue) {
      rings_[queue].clear();
      driver_->enable_queue(queue, rings_[queue], static_cast<std::uint16_t>(queue + 1));
    }
    driver_->driver_ok();
    settle();
  }
  void ring(std::uint16_t queue) {
    driver_->notify(queue);
    settle();
  }
  /// Has the device carry out a command of the control queue; what it answers, 255: nothing.
  std::uint8_t command(const std::string& bytes, std::uint16_t queue = kControl) {
    rings_[queue].chain().readable(bytes).writable(1).publish();
    driver_->notify(queue);
    const auto used = rings_[queue].take_used();
    settle();
    return used && used->text.size() == 1 ? static_cast<std::uint8_t>(used->text[0]) : 255;
  }
  std::uint8_t use_pairs(unsigned pairs) {
    return command({4, 0, static_cast<char>(pairs), static_cast<char>(pairs >> 8U)});
  }

  std::array<FakePacketPort, kPairs> ports_{
      FakePacketPort{io::kAllOffloads}, FakePacketPort{io::kAllOffloads}, FakePacketPort{io::kAllOffloads}};
  std::vector<FakeDriverRing> rings_;
  std::array<FakeAlarm*, kPairs> receive_alarms_{};
  std::array<FakeAlarm*, kPairs> send_alarms_{};
};

/// The same, where the test takes the turns of all.
class NetPairsFixture : public NetPairsBase {
 protected:
  explicit NetPairsFixture(const RateLimits& receive = {}, const RateLimits& send = {}) {
    make_pairs({&loops_[0], &loops_[1], &loops_[2]}, receive, send);
  }
  // The device goes before what it refers to.
  ~NetPairsFixture() override { transport_.reset(); }
  void settle() override {
    for (FakeEventLoop& loop : loops_) {
      EXPECT_TRUE(loop.settle());
    }
  }

  std::array<FakeEventLoop, kPairs> loops_;
};

}  // namespace mayfly::testing
