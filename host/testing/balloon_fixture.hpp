// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_held_memory.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/balloon.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::testing {

/// A balloon in a guest of 16 MiB, and its driver: the ordinary one or ours, as start() is told.
class BalloonFixture : public ::testing::Test {
 protected:
  using Answer = HeldMemory::Answer;
  using Entry = virtio::Balloon::RangeEntry;
  static constexpr std::uint64_t kUnit = HeldMemory::kUnit;
  static constexpr std::uint64_t kRamBytes = 8 * kUnit;
  static constexpr std::uint64_t kTarget = 4 * kUnit;
  static constexpr std::uint64_t kNumPages = FakeVirtioDriver::kDeviceConfig;
  static constexpr std::uint64_t kActual = FakeVirtioDriver::kDeviceConfig + 4;
  static constexpr std::uint64_t kOrdinary = virtio::kFeatureVersion1 | virtio::Balloon::kFeatureMustTellHost;
  static constexpr std::uint64_t kEarly = kOrdinary | virtio::Balloon::kFeatureEarlyRanges;

  explicit BalloonFixture(virtio::BalloonUse use = virtio::BalloonUse::kLend) {
    auto balloon = std::make_unique<virtio::Balloon>(held_, ram_.memory(), kTarget, use);
    balloon_ = balloon.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(balloon), ram_.memory(), sink_);
    driver_ = std::make_unique<FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
  }

  void start(std::uint64_t features) {
    driver_->negotiate(features);
    inflate_.clear();
    deflate_.clear();
    driver_->write<std::uint16_t>(16, 0);  // A reset forgets the configuration's vector.
    driver_->enable_queue(virtio::Balloon::kInflateQueue, inflate_);
    driver_->enable_queue(virtio::Balloon::kDeflateQueue, deflate_);
    driver_->driver_ok();
    (void)sink_.take();
  }

  static std::string bytes_of(const std::vector<Entry>& entries) {
    std::string text(entries.size() * sizeof(Entry), '\0');
    std::memcpy(text.data(), entries.data(), text.size());
    return text;
  }
  static std::string bytes_of(const std::vector<std::uint32_t>& pages) {
    std::string text(pages.size() * sizeof(std::uint32_t), '\0');
    std::memcpy(text.data(), pages.data(), text.size());
    return text;
  }
  /// The 512 page numbers of a unit.
  static std::vector<std::uint32_t> pages_of_unit(std::uint32_t unit) {
    std::vector<std::uint32_t> pages(512);
    for (std::uint32_t i = 0; i < 512; ++i) {
      pages[i] = unit * 512 + i;
    }
    return pages;
  }
  /// One request, answered or not.
  void send(std::uint16_t queue, const std::string& request) {
    ring(queue).chain().readable(request).publish();
    driver_->notify(queue);
  }
  template <typename Entries>
  bool inflate(const Entries& entries) {
    send(virtio::Balloon::kInflateQueue, bytes_of(entries));
    return inflate_.take_used().has_value();
  }
  template <typename Entries>
  bool deflate(const Entries& entries) {
    send(virtio::Balloon::kDeflateQueue, bytes_of(entries));
    return deflate_.take_used().has_value();
  }
  /// Whether the device stands still since its driver broke the rules.
  bool failed() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }
  FakeDriverRing& ring(std::uint16_t queue) {
    return queue == virtio::Balloon::kInflateQueue ? inflate_ : deflate_;
  }
  static GuestRange unit(std::uint64_t number) { return {GuestAddress(number * kUnit), kUnit}; }

  GuestRam ram_{kRamBytes};
  FakeMsiSink sink_;
  FakeHeldMemory held_{{GuestAddress(0), kRamBytes}};
  FakeDriverRing inflate_{ram_.memory(), GuestAddress(0x10000), 4};
  FakeDriverRing deflate_{ram_.memory(), GuestAddress(0x40000), 4};
  virtio::Balloon* balloon_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::unique_ptr<FakeVirtioDriver> driver_;
};

/// For tests in which the driver breaks the rules: what the device says of it stays out of the log.
class HostileBalloonFixture : public BalloonFixture {
 protected:
  HostileBalloonFixture() { ::testing::internal::CaptureStderr(); }
  ~HostileBalloonFixture() override { (void)::testing::internal::GetCapturedStderr(); }
};

}  // namespace mayfly::testing
