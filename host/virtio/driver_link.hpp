// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "virtio/queue_fault.hpp"

namespace mayfly::virtio {

/// How a device and its queues reach their driver; the transport is behind it. Called with the device's mutex
/// held.
class DriverLink {
 public:
  DriverLink() = default;
  DriverLink(const DriverLink&) = delete;
  DriverLink& operator=(const DriverLink&) = delete;
  virtual ~DriverLink() = default;

  /// Used buffer notification for `queue`.
  virtual void queue_interrupt(std::uint16_t queue) noexcept = 0;
  /// Configuration change notification; the configuration's generation goes up.
  virtual void config_interrupt() noexcept = 0;
  /// The driver broke the rules of `queue`: sets DEVICE_NEEDS_RESET, counts and tells the log.
  virtual void needs_reset(std::uint16_t queue, QueueFault fault) noexcept = 0;
};

}  // namespace mayfly::virtio
