// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "memory/guest_address.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// Persistent memory (virtio 1.2, 5.19): tells the guest where its image is mapped.
///
/// The mapping is read-only or private to this VM and never written back, so a flush has nothing to do.
class Pmem final : public VirtioDevice {
 public:
  /// `region` is where the image lies in the guest's address space; the mapping is the caller's.
  explicit Pmem(const GuestRange& region) noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kPmem; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override {
    return kFeatureIndirectDescriptors;
  }
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(const Activation& activation) noexcept override { queues_ = activation.queues; }
  void notify(std::uint16_t queue) noexcept override;
  void reset() noexcept override { queues_ = {}; }

 private:
  /// 5.19.4
  struct Config {
    std::uint64_t start;  // 0
    std::uint64_t bytes;  // 8
  };
  static_assert(sizeof(Config) == 16);
  /// Linux flushes under a mutex, two descriptors each (drivers/nvdimm/nd_virtio.c).
  static constexpr std::array<std::uint16_t, 1> kQueueSizes{4};

  Config config_;
  std::span<VirtQueue> queues_;
};

}  // namespace mayfly::virtio
