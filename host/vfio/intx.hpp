// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/fd.hpp"
#include "io/event_interrupts.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// A device's INTx on a pin of the guest's I/O APIC: the host masks it at each interrupt, and the guest's end
/// of interrupt unmasks it, all within the kernel. Not locked: its owner does that.
class Intx {
 public:
  /// Both outlive this.
  Intx(std::uint32_t pin, DeviceAccess& device, io::EventInterrupts& sink);
  ~Intx();
  Intx(const Intx&) = delete;
  Intx& operator=(const Intx&) = delete;

  /// False when the host refuses; then there is no interrupt.
  [[nodiscard]] bool enable() noexcept;
  void disable() noexcept;

 private:
  std::uint32_t pin_;
  DeviceAccess& device_;
  io::EventInterrupts& sink_;
  Fd raised_;
  Fd ended_;
  bool enabled_ = false;
};

}  // namespace mayfly::vfio
