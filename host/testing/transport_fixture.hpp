// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::testing {

inline constexpr std::uint8_t kDriven = virtio::kStatusAcknowledge | virtio::kStatusDriver;
inline constexpr std::uint8_t kNegotiated = kDriven | virtio::kStatusFeaturesOk;
inline constexpr std::uint8_t kRunning = kNegotiated | virtio::kStatusDriverOk;
inline constexpr std::uint64_t kOwnFeature = 1ULL << 5U;

/// Gives every chain back as it is, and counts.
class CountingDevice final : public virtio::VirtioDevice {
 public:
  [[nodiscard]] virtio::DeviceId id() const noexcept override { return virtio::DeviceId::kEntropy; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override { return kOwnFeature; }
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::span(config_).first(6);
  }
  void write_config(std::size_t offset, std::span<const std::byte> data) noexcept override {
    std::copy(data.begin(), data.end(), config_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void activate(const virtio::Activation& activation) noexcept override {
    queues_ = activation.queues;
    features = activation.features;
    ++activations;
  }
  void notify(std::uint16_t queue) noexcept override {
    ++notifications;
    virtio::serve(queues_[queue], [&](virtio::DescriptorChain&) {
      ++chains;
      return std::optional<virtio::QueueFault>();
    });
  }
  void reset() noexcept override {
    queues_ = {};
    ++resets;
  }

  std::uint64_t features = 0;
  int activations = 0;
  int notifications = 0;
  int chains = 0;
  int resets = 0;

 private:
  static constexpr std::array<std::uint16_t, 2> kSizes{16, 8};
  std::span<virtio::VirtQueue> queues_;
  // What is behind it is nobody's to see.
  std::array<std::byte, 8> config_{std::byte{1}, std::byte{2}, std::byte{3},    std::byte{4},
                                   std::byte{5}, std::byte{6}, std::byte{0xee}, std::byte{0xee}};
};

/// A CountingDevice on a transport, and its driver with a ring for queue 0.
class TransportFixture : public ::testing::Test {
 protected:
  TransportFixture() {
    auto device = std::make_unique<CountingDevice>();
    device_ = device.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(device), ram_.memory(), sink_);
    driver_.emplace(*transport_);
  }
  void run(std::uint64_t features = virtio::kFeatureVersion1) {
    driver_->negotiate(features);
    driver_->enable_queue(0, ring_);
    driver_->driver_ok();
  }

  GuestRam ram_;
  FakeMsiSink sink_;
  FakeDriverRing ring_{ram_.memory(), GuestAddress(0x10000), 16};
  CountingDevice* device_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
