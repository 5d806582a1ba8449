// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::sandbox {

/// What becomes of a system call that no filter allows.
enum class Mode : std::uint8_t {
  kOff,  ///< There is no sandbox at all.
  kLog,  ///< The kernel writes it down (audit, or the kernel log) and carries it out. All else as with kOn.
  kOn,   ///< The process is killed by SIGSYS.
};

}  // namespace mayfly::sandbox
