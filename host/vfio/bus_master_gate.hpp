// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::vfio {

/// What every write that lets a device become bus master passes: all memory that the guest may use is mapped
/// for devices when it returns.
class BusMasterGate {
 public:
  BusMasterGate() = default;
  BusMasterGate(const BusMasterGate&) = delete;
  BusMasterGate& operator=(const BusMasterGate&) = delete;
  virtual ~BusMasterGate() = default;

  /// Waits for work of the host only, never for the guest. Any vCPU thread, with its device's lock held.
  virtual void pass() noexcept = 0;
};

}  // namespace mayfly::vfio
