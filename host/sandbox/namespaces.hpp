// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/fd.hpp"

namespace mayfly::sandbox {

/// Whether an ordinary user's namespaces may be under a user namespace of its own: other users are then
/// nobody to us, and our capabilities are none for the host.
enum class UserNamespace : std::uint8_t { kNo, kYes };

/// Gives this process mount, IPC and UTS namespaces of its own; all files are still there. While it has one
/// thread. False where the host does not let us: then nothing has changed.
[[nodiscard]] bool unshare_namespaces(UserNamespace user) noexcept;

/// A network namespace in which there is nothing but a loopback that is down, kept at `path` for all runs
/// since the host came up: to make one costs four times what all other namespaces do, to join it next to
/// nothing. Made when it is not there yet. Empty where the host does not let us; where it can be made and not
/// kept it is this run's alone. Before unshare_namespaces(), while there is one thread, which stays where it
/// is.
[[nodiscard]] Fd open_empty_network(const char* path) noexcept;

/// Moves the calling thread, and those that it starts from now on, there. Gives 0 or errno.
[[nodiscard]] int join_network(const Fd& network) noexcept;

/// Makes an empty directory, that nobody may write, the root and the working directory of all threads; every
/// other mount is gone. After unshare_namespaces(). Gives 0 or errno.
[[nodiscard]] int empty_root() noexcept;

}  // namespace mayfly::sandbox
