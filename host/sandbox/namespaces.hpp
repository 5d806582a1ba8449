// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::sandbox {

/// Whether an ordinary user's namespaces may be under a user namespace of its own: other users are then
/// nobody to us, and our capabilities are none for the host.
enum class UserNamespace : std::uint8_t { kNo, kYes };

/// Gives this process mount, IPC, UTS and network namespaces of its own; all files are still there. While it
/// has one thread. False where the host does not let us: then nothing has changed.
[[nodiscard]] bool unshare_namespaces(UserNamespace user) noexcept;

/// Makes an empty directory, that nobody may write, the root and the working directory of all threads; every
/// other mount is gone. After unshare_namespaces(). Gives 0 or errno.
[[nodiscard]] int empty_root() noexcept;

}  // namespace mayfly::sandbox
