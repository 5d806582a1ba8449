// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/guest_memory.hpp"
#include "virtio/driver_link.hpp"
#include "virtio/virt_queue.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// The common configuration structure of virtio-pci (virtio 1.2, 4.1.4.3) and the state machine behind it
/// (3.1.1):
///
///   reset --> ACKNOWLEDGE --> DRIVER --> FEATURES_OK --> DRIVER_OK
///                             features    queues are       the device runs;
///                             are set     set up           both are frozen
///
/// Only these steps, one a write, are taken, and writing 0 resets from anywhere. A write that its state does
/// not allow is dropped, as is one that is not exactly one field. Owns the queues. Not locked: calls come
/// with the device's mutex held.
class CommonConfig {
 public:
  static constexpr std::size_t kBytes = 60;
  /// "No vector" (4.1.5.1.2).
  static constexpr std::uint16_t kNoVector = 0xffff;

  /// All three must outlive this; `vectors` is the size of the MSI-X table.
  CommonConfig(VirtioDevice& device, GuestMemory& memory, DriverLink& link, std::uint16_t vectors);

  /// Any size and offset; beyond kBytes `data` stays as it came.
  void read(std::uint64_t offset, std::span<std::byte> data) const noexcept;
  void write(std::uint64_t offset, std::span<const std::byte> data) noexcept;

  /// The device runs: DRIVER_OK, and no fault since.
  [[nodiscard]] bool running() const noexcept {
    return (status_ & (kStatusDriverOk | kStatusNeedsReset)) == kStatusDriverOk;
  }
  /// 0 after a reset.
  [[nodiscard]] std::uint8_t status() const noexcept { return status_; }
  [[nodiscard]] std::uint16_t queue_count() const noexcept {
    return static_cast<std::uint16_t>(queues_.size());
  }
  /// kNoVector unless the driver chose one.
  [[nodiscard]] std::uint16_t config_vector() const noexcept { return config_vector_; }
  [[nodiscard]] std::uint16_t queue_vector(std::uint16_t queue) const noexcept {
    return setups_[queue].vector;
  }

  void set_needs_reset() noexcept { status_ |= kStatusNeedsReset; }
  void next_generation() noexcept { ++generation_; }

 private:
  /// One queue as the driver sets it up.
  struct Setup {
    std::uint16_t size = 0;
    std::uint16_t vector = kNoVector;
    bool enabled = false;
    std::uint64_t descriptors = 0;
    std::uint64_t driver_area = 0;
    std::uint64_t device_area = 0;
  };
  void write_field(std::uint64_t offset, std::uint8_t value) noexcept;
  void write_field(std::uint64_t offset, std::uint16_t value) noexcept;
  void write_field(std::uint64_t offset, std::uint32_t value) noexcept;
  void write_queue_address(std::uint64_t offset, std::uint32_t value) noexcept;
  void write_driver_features(std::uint32_t value) noexcept;
  void write_status(std::uint8_t value) noexcept;
  void reset() noexcept;
  void start() noexcept;
  /// The selected queue while it may be set up, otherwise null.
  [[nodiscard]] Setup* open_setup() noexcept;
  [[nodiscard]] std::uint16_t valid_vector(std::uint16_t vector) const noexcept;
  [[nodiscard]] std::uint64_t offered() const noexcept {
    return device_.offered_features() | kFeatureVersion1;
  }
  [[nodiscard]] bool features_acceptable() const noexcept;

  VirtioDevice& device_;
  GuestMemory& memory_;
  DriverLink& link_;
  std::uint16_t vectors_;
  std::vector<Setup> setups_;
  std::vector<VirtQueue> queues_;
  std::uint32_t device_feature_select_ = 0;
  std::uint32_t driver_feature_select_ = 0;
  std::uint64_t driver_features_ = 0;
  std::uint16_t config_vector_ = kNoVector;
  std::uint16_t queue_select_ = 0;
  std::uint8_t status_ = 0;
  std::uint8_t generation_ = 0;
};

}  // namespace mayfly::virtio
