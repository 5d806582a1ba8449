// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "guest-init/failure.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {

/// Mounts each disk at its path, in order. The last directory of a path is made when it is missing.
[[nodiscard]] Step mount_disks(std::span<const Mount> mounts) noexcept;

/// Ends all processes but this one, where there is a disk, and unmounts the disks, so that what was written
/// is on them. One that was not mounted is passed over.
void unmount_disks(std::span<const Mount> mounts) noexcept;

}  // namespace mayfly::init
