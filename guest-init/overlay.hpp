// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// What the kernel mounted as root: the read-only image.
struct RootOrigin {
  dev_t device;
  const char* type;  ///< File system type, or null when it is none that an image has.
};

/// Makes the root writable: lays an overlay over the image and enters it. /dev moves along, and /tmp, /run
/// and /dev/shm are there. All that is written lies in one tmpfs, so one limit, half of the memory, holds for
/// all of it together. Fills `origin` for show_lower_root().
[[nodiscard]] Step enter_overlay(RootOrigin& origin) noexcept;

/// Mounts the untouched image read-only on /.mayfly/lower, so that the workload can see it (and that it is
/// mapped directly). Needs /sys. Does nothing for a root that is not an image.
[[nodiscard]] Step show_lower_root(const RootOrigin& origin) noexcept;

}  // namespace mayfly::init
