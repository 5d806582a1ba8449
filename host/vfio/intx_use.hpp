// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::vfio {

/// Which devices have INTx in the guest.
enum class IntxUse : std::uint8_t {
  kAuto,  ///< Those without MSI-X. Others would be switched to it and back each time when their driver
          ///< pauses.
  kYes,
};

}  // namespace mayfly::vfio
