// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::sandbox {

/// The version of Landlock that this kernel has (landlock(7), LANDLOCK_CREATE_RULESET_VERSION); 0: none, or
/// it is switched off.
[[nodiscard]] int landlock_abi() noexcept;

/// Takes from the calling thread, and from what it starts, all that Landlock knows to take: files by path
/// (ABI 1), TCP (4), abstract sockets and signals to others (6). What is open stays so, and from `folder`, a
/// descriptor, files may still be removed; -1: from nowhere. It needs no_new_privs. Gives 0, also where this
/// kernel has no Landlock, or errno.
[[nodiscard]] int restrict_by_landlock(int folder) noexcept;

}  // namespace mayfly::sandbox
