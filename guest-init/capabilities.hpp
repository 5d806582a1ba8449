// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// Takes from the bounding set of this process all capabilities that a workload does not need, and sets
/// no_new_privs: neither it nor its children ever get them, whatever they execute.
///
/// The caller still has them until it executes a program (uid 0) or changes its uid (any other).
[[nodiscard]] Step confine() noexcept;

}  // namespace mayfly::init
