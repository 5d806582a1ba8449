// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// The arguments of one mount().
struct MountPlan {
  const char* source;
  const char* target;
  const char* type;
  unsigned long flags;
  const char* options;
};

/// Mounts. Makes the mount point only when it is missing: the usual case is one system call.
[[nodiscard]] Step perform(const MountPlan& plan) noexcept;

/// Mounts devtmpfs on /dev of the image's own root, for the kernel that did not.
[[nodiscard]] Step mount_devices() noexcept;

/// Mounts /proc, /sys and /dev/pts in the root that init has entered, and links /dev/fd, /dev/stdin,
/// /dev/stdout and /dev/stderr.
[[nodiscard]] Step mount_system() noexcept;

}  // namespace mayfly::init
