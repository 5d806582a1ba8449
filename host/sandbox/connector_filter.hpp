// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sandbox/mode.hpp"

namespace mayfly::sandbox {

/// Takes from the calling process, which has one thread, all that the process which connects for a guest's
/// sockets does not need: capabilities, Landlock's files but for removing one from `folder` (a descriptor),
/// new descriptors beyond some, and all system calls but those of one table. For ever. Gives 0 or errno;
/// nothing with Mode::kOff and in builds with a sanitizer.
[[nodiscard]] int confine_connector(Mode mode, int folder) noexcept;

}  // namespace mayfly::sandbox
