// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::sandbox {

/// Takes all capabilities from the calling thread, and sets no_new_privs: the ambient set, the bounding set
/// where it may (CAP_SETPCAP), then permitted, effective and inheritable. Gives 0 or errno.
[[nodiscard]] int drop_privileges() noexcept;

}  // namespace mayfly::sandbox
