// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::vmm {

/// Whether a process that has left its caller still has its stderr.
enum class CallersStderr : std::uint8_t { kKept, kGone };

/// For a process of ours that outlives mayfly by as much as it needs to clear up, whatever the others are
/// sent: has it leave the caller's terminal, job and pipes, and gives it a name of 15 characters at most.
/// First of all in it.
void leave_caller(const char* name, CallersStderr callers) noexcept;

}  // namespace mayfly::vmm
