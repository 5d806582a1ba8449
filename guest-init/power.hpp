// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// Writes the failure to the console, which the kernel gave init as standard error.
void tell_console(const Failure& failure) noexcept;

/// Ends the VM. All that was written lives in memory, or on disks that are unmounted, so there is nothing to
/// flush.
[[noreturn]] void power_off() noexcept;

}  // namespace mayfly::init
