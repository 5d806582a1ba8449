// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/console.hpp"
#include "virtio/console_control.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::testing {

/// VERSION_1, SIZE and MULTIPORT.
inline constexpr std::uint64_t kConsoleAll = virtio::kFeatureVersion1 | 3;

// Queues of a console with two ports.
inline constexpr std::size_t kReceive0 = 0;
inline constexpr std::size_t kTransmit0 = 1;
inline constexpr std::size_t kControlIn = 2;
inline constexpr std::size_t kControlOut = 3;
inline constexpr std::size_t kReceive1 = 4;
inline constexpr std::size_t kTransmit1 = 5;

/// Keeps what the guest sent, and has `pending` for the guest.
class FakeBackend final : public io::PortBackend {
 public:
  void from_guest(std::span<const std::byte> bytes) noexcept override {
    const std::size_t before = received.size();
    received.resize(before + bytes.size());
    std::memcpy(received.data() + before, bytes.data(), bytes.size());
  }
  std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
    const std::size_t bytes = std::min(buffer.size(), pending.size());
    std::memcpy(buffer.data(), pending.data(), bytes);
    pending.erase(0, bytes);
    return bytes;
  }
  std::string received;
  std::string pending;
};

/// A control message's bytes: header, then `rest`.
inline std::string control_message(std::uint32_t port, virtio::ControlEvent event, std::uint16_t value,
                                   std::string_view rest = {}) {
  const virtio::ControlMessage header{port, static_cast<std::uint16_t>(event), value};
  std::string text(sizeof(header), '\0');
  std::memcpy(text.data(), &header, sizeof(header));
  return text.append(rest);
}

/// Says what a control message is, such as "1 name mayfly.channel".
inline std::string describe_control(const std::string& text) {
  virtio::ControlMessage header{};
  std::memcpy(&header, text.data(), sizeof(header));
  std::string rest = text.substr(sizeof(header));
  std::string event = std::to_string(header.event);
  switch (static_cast<virtio::ControlEvent>(header.event)) {
    case virtio::ControlEvent::kPortAdd:
      event = "add";
      break;
    case virtio::ControlEvent::kConsolePort:
      event = "console";
      break;
    case virtio::ControlEvent::kPortOpen:
      event = "open " + std::to_string(header.value);
      break;
    case virtio::ControlEvent::kPortName:
      event = "name ";
      break;
    case virtio::ControlEvent::kResize:
      virtio::ControlSize size;
      std::memcpy(&size, rest.data(), sizeof(size));
      event = "size ";
      rest = std::to_string(size.columns) + "x" + std::to_string(size.rows);
      break;
    default:
      break;
  }
  return std::to_string(header.port) + " " + event + rest;
}

/// A console with a console port and "mayfly.channel" on a transport, and a driver that does as Linux does.
class ConsoleFixture : public ::testing::Test {
 protected:
  ConsoleFixture() {
    auto console = std::make_unique<virtio::Console>(virtio::ConsoleConfig{
        .ports = {{.kind = virtio::PortKind::kConsole, .name = "", .backend = &backends_[0]},
                  {.kind = virtio::PortKind::kGeneric, .name = "mayfly.channel", .backend = &backends_[1]}},
        .size = {.columns = 120, .rows = 40}});
    console_ = console.get();
    const std::span<const std::uint16_t> sizes = console->queue_sizes();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      rings_.emplace_back(ram_.memory(), GuestAddress(0x10000 + i * FakeDriverRing::kBytes), sizes[i]);
    }
    transport_ = std::make_unique<virtio::PciTransport>(std::move(console), ram_.memory(), sink_);
    driver_.emplace(*transport_);
  }

  void start(std::uint64_t features) {
    driver_->enable_msix();
    driver_->negotiate(features);
    for (std::size_t i = 0; i < rings_.size(); ++i) {
      driver_->enable_queue(static_cast<std::uint16_t>(i), rings_[i]);
    }
    driver_->driver_ok();
  }
  /// Does what Linux does at probe, and leaves with both ports open.
  void start_like_linux() {
    start(kConsoleAll);
    fill(kControlIn, 64);
    control(~0U, virtio::ControlEvent::kDeviceReady, 1);
    (void)told();
    for (std::uint32_t port = 0; port < 2; ++port) {
      control(port, virtio::ControlEvent::kPortReady, 1);
      control(port, virtio::ControlEvent::kPortOpen, 1);
    }
    (void)sink_.take();
  }
  /// Makes a writable buffer of each of the ring's descriptors available, without a notification.
  void fill(std::size_t queue, std::uint32_t bytes) {
    for (int i = 0; i < rings_[queue].size(); ++i) {
      rings_[queue].chain().writable(bytes).publish();
    }
  }
  void send(std::uint16_t queue, std::string_view text) {
    rings_[queue].chain().readable(text).publish();
    driver_->notify(queue);
    EXPECT_TRUE(rings_[queue].take_used() || needs_reset());
  }
  void control(std::uint32_t port, virtio::ControlEvent event, std::uint16_t value) {
    send(kControlOut, control_message(port, event, value));
  }
  /// The control messages that have come, each followed by a new buffer as Linux does.
  std::vector<std::string> told() {
    std::vector<std::string> messages;
    while (const auto used = rings_[kControlIn].take_used()) {
      messages.push_back(describe_control(used->text));
      rings_[kControlIn].chain().writable(64).publish();
    }
    return messages;
  }
  std::string received(std::size_t queue) {
    std::string text;
    while (const auto used = rings_[queue].take_used()) {
      text += used->text;
    }
    return text;
  }
  bool needs_reset() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }

  GuestRam ram_{2 * kMiB};
  FakeMsiSink sink_;
  std::array<FakeBackend, 2> backends_;
  virtio::Console* console_ = nullptr;
  std::vector<FakeDriverRing> rings_;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
