// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_streams.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "testing/vsock_fixture.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/vsock.hpp"

namespace mayfly::testing {

/// A worker that works when a test says so.
class FakeWorker final : public vsock::Worker {
 public:
  void wake() noexcept override { ++wakes; }
  int wakes = 0;
};

/// A socket device, its driver and its worker.
class VsockDeviceFixture : public ::testing::Test {
 protected:
  using Operation = vsock::Operation;
  using Ports = vsock::Ports;
  static constexpr Ports kPorts{.host = 700, .guest = 5000};
  static constexpr std::uint16_t kRingSize = 16;
  static constexpr std::uint32_t kBufferBytes = 4096;

  struct Seen {
    vsock::Header header{};
    std::string payload;
    [[nodiscard]] Operation operation() const { return static_cast<Operation>(header.operation); }
    [[nodiscard]] Ports ports() const { return {header.source_port, header.destination_port}; }
  };

  explicit VsockDeviceFixture(const RateLimits& receive = {}, const RateLimits& send = {}) {
    now_ns_ = 1'000'000'000;
    auto device = std::make_unique<virtio::Vsock>(streams_, worker_, kGuestCid, receive, send,
                                                  []() noexcept { return now_ns_; });
    device_ = device.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(device), ram_.memory(), sink_);
    driver_ = std::make_unique<FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
    start();
  }

  void start(std::uint64_t features = virtio::kFeatureVersion1) {
    driver_->negotiate(features);
    receive_.clear();
    transmit_.clear();
    events_.clear();
    driver_->enable_queue(virtio::Vsock::kReceiveQueue, receive_);
    driver_->enable_queue(virtio::Vsock::kTransmitQueue, transmit_);
    driver_->enable_queue(virtio::Vsock::kEventQueue, events_);
    driver_->driver_ok();
  }
  /// Buffers for the device to fill.
  void offer(unsigned count = kRingSize, std::uint32_t bytes = kBufferBytes) {
    for (unsigned i = 0; i < count; ++i) {
      receive_.chain().writable(bytes).publish();
    }
    driver_->notify(virtio::Vsock::kReceiveQueue);
    device_->service();
  }
  static std::string bytes_of(const vsock::Header& header) {
    std::string text(sizeof(header), '\0');
    std::memcpy(text.data(), &header, sizeof(header));
    return text;
  }
  void send(Ports ports, Operation operation, std::string_view payload = {}, std::uint32_t flags = 0) {
    transmit_.chain()
        .readable(bytes_of(from_guest(ports, operation, static_cast<std::uint32_t>(payload.size()), flags)) +
                  std::string(payload))
        .publish();
    ring();
  }
  /// Tells of the transmit queue, and has the worker work.
  void ring() {
    driver_->notify(virtio::Vsock::kTransmitQueue);
    device_->service();
    while (transmit_.take_used()) {
    }
  }
  std::optional<Seen> receive() {
    const auto used = receive_.take_used();
    if (!used) {
      return std::nullopt;
    }
    Seen seen;
    EXPECT_GE(used->bytes, sizeof(seen.header));
    std::memcpy(&seen.header, used->text.data(), sizeof(seen.header));
    EXPECT_EQ(used->bytes, sizeof(seen.header) + seen.header.bytes);
    seen.payload = used->text.substr(sizeof(seen.header));
    return seen;
  }
  /// A client has connected to the guest's port 5000; its slot and ports.
  struct Opened {
    vsock::Slot slot;
    Ports ports;
  };
  Opened open_by_client() {
    const auto slot = device_->ask(5000);
    EXPECT_TRUE(slot);
    (void)streams_.client(*slot);
    const auto request = receive();
    EXPECT_TRUE(request);
    EXPECT_EQ(request->operation(), Operation::kRequest);
    send(request->ports(), Operation::kResponse);
    return {*slot, request->ports()};
  }
  [[nodiscard]] bool failed() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }

  /// The device's clock.
  static inline std::uint64_t now_ns_ = 0;
  GuestRam ram_;
  FakeMsiSink sink_;
  FakeStreams streams_;
  FakeWorker worker_;
  FakeDriverRing receive_{ram_.memory(), GuestAddress(0x10000), kRingSize};
  FakeDriverRing transmit_{ram_.memory(), GuestAddress(0x40000), kRingSize};
  FakeDriverRing events_{ram_.memory(), GuestAddress(0x80000), 8};
  virtio::Vsock* device_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::unique_ptr<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
