// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/rate_limit.hpp"
#include "testing/fake_alarm.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/net.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::testing {

/// What tests of a network device have in common, however many pairs of queues it has.
class NetBase : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPlain = virtio::kFeatureVersion1;
  static constexpr virtio::Net::Mac kMac{2, 1, 2, 3, 4, 5};

  /// Makes the device and its driver, which has all interrupts unmasked.
  void make(std::vector<virtio::NetEnd> ends, const RateLimits& receive, const RateLimits& send) {
    auto net = std::make_unique<virtio::Net>(std::move(ends), kMac, receive, send);
    net_ = net.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(net), ram_.memory(), sink_);
    driver_.emplace(*transport_);
    driver_->enable_msix(net_->vectors());
  }
  [[nodiscard]] bool needs_reset() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }

  /// Where there is a limit.
  static std::unique_ptr<FakeAlarm> alarm(const RateLimits& limits, FakeAlarm*& alarm) {
    auto owned = limits.any() ? std::make_unique<FakeAlarm>() : nullptr;
    alarm = owned.get();
    return owned;
  }
  /// A packet as it is on both sides: its header, then `bytes`.
  static std::string packet(std::string_view bytes, virtio::NetHeader header = {}) {
    // Safe: the header's object representation.
    return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + std::string(bytes);
  }

  GuestRam ram_;
  FakeMsiSink sink_;
  virtio::Net* net_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
