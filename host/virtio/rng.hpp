// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "base/checked.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// The entropy device (virtio 1.2, 5.4): getrandom() straight into the driver's buffers.
class Rng final : public VirtioDevice {
 public:
  /// A longer request is answered by this many bytes: one must not hold a vCPU thread for long.
  static constexpr std::size_t kRequestBytesMax = 64 * kKiB;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kEntropy; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  /// No event index: every notification is a request, and the driver waits for each.
  [[nodiscard]] std::uint64_t offered_features() const noexcept override {
    return kFeatureIndirectDescriptors;
  }
  void activate(const Activation& activation) noexcept override { queues_ = activation.queues; }
  void notify(std::uint16_t queue) noexcept override;
  void reset() noexcept override { queues_ = {}; }

 private:
  /// Linux has one request under way at a time (drivers/char/hw_random/virtio-rng.c).
  static constexpr std::array<std::uint16_t, 1> kQueueSizes{4};

  std::span<VirtQueue> queues_;
};

}  // namespace mayfly::virtio
