// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// Which devices have INTx in the guest.
enum class IntxUse : std::uint8_t {
  kAuto,  ///< Those without MSI-X. Others would be switched to it and back each time when their driver
          ///< pauses.
  kYes,
};

/// True when `device` has INTx in the guest.
[[nodiscard]] inline bool has_intx(const DeviceAccess& device, IntxUse use) noexcept {
  return device.interrupt_count(Interrupts::kIntx) > 0 &&
         (use == IntxUse::kYes || device.interrupt_count(Interrupts::kMsix) == 0);
}

}  // namespace mayfly::vfio
