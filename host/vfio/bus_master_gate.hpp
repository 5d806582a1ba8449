// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::vfio {

/// What every write that lets a device become bus master passes: all memory that the guest may use is mapped
/// for devices when the answer is kOpen.
class BusMasterGate {
 public:
  /// kClosed: it never will be mapped, and the device may not become bus master.
  enum class Passage : std::uint8_t { kOpen, kClosed };

  BusMasterGate() = default;
  BusMasterGate(const BusMasterGate&) = delete;
  BusMasterGate& operator=(const BusMasterGate&) = delete;
  virtual ~BusMasterGate() = default;

  /// Waits for work of the host only, never for the guest. Any vCPU thread, with its device's lock held.
  [[nodiscard]] virtual Passage pass() noexcept = 0;
};

}  // namespace mayfly::vfio
