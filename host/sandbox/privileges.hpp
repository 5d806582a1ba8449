// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::sandbox {

/// Lets no program that the calling thread executes have capabilities, nor those of what it starts from now
/// on: empties the bounding set, where it may (CAP_SETPCAP), a call for each capability. Gives 0 or errno.
[[nodiscard]] int drop_bounding_set() noexcept;

/// Takes all other capabilities from the calling thread, and sets no_new_privs: the ambient set, then
/// permitted, effective and inheritable. Gives 0 or errno.
[[nodiscard]] int drop_privileges() noexcept;

}  // namespace mayfly::sandbox
