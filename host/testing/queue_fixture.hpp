// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/virt_queue.hpp"

namespace mayfly::testing {

inline constexpr std::uint16_t kQueueSize = 8;
inline constexpr std::uint64_t kPlain = virtio::kFeatureVersion1;
inline constexpr std::uint64_t kIndirect = virtio::kFeatureVersion1 | virtio::kFeatureIndirectDescriptors;
inline constexpr std::uint64_t kEvents = virtio::kFeatureVersion1 | virtio::kFeatureEventIndex;

/// Keeps what a queue told its driver.
class RecordingLink final : public virtio::DriverLink {
 public:
  void queue_interrupt(std::uint16_t /*queue*/) noexcept override { ++interrupts; }
  void config_interrupt() noexcept override {}
  void needs_reset(std::uint16_t /*queue*/, virtio::QueueFault fault) noexcept override {
    faults.push_back(fault);
  }
  int interrupts = 0;
  std::vector<virtio::QueueFault> faults;
};

/// One queue without device or transport, and its driver.
class QueueFixture : public ::testing::Test {
 protected:
  virtio::VirtQueue make(std::uint64_t features) {
    auto queue = virtio::VirtQueue::create(ring_.setup(), features, ram_.memory(), link_);
    EXPECT_TRUE(queue.has_value());
    return *queue;
  }
  /// Takes the next chain as text and gives it back.
  std::optional<std::string> take(virtio::VirtQueue& queue) {
    auto chain = queue.pop();
    if (!chain) {
      return std::nullopt;
    }
    std::string text(chain->readable(), '\0');
    EXPECT_EQ(chain->read(std::as_writable_bytes(std::span(text))), text.size());
    queue.push_used(std::move(*chain));
    return text;
  }
  /// A round over all that is there; how many chains it was.
  int drain(virtio::VirtQueue& queue) {
    queue.arm();
    int count = 0;
    while (take(queue)) {
      ++count;
    }
    queue.signal();
    return count;
  }
  /// One round must end with just this fault, and the queue be dead after it.
  void expect_fault(virtio::QueueFault fault, std::uint64_t features = kPlain) {
    virtio::VirtQueue queue = make(features);
    drain(queue);
    EXPECT_EQ(link_.faults, std::vector{fault}) << virtio::describe(fault);
    queue.arm();
    EXPECT_FALSE(queue.pop());
    EXPECT_EQ(link_.faults.size(), 1U);
  }

  GuestRam ram_;
  FakeDriverRing ring_{ram_.memory(), GuestAddress(0x1000), kQueueSize};
  RecordingLink link_;
};

}  // namespace mayfly::testing
