// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include "sandbox/bpf_program.hpp"
#include "sandbox/mode.hpp"
#include "sandbox/rules.hpp"

namespace mayfly::sandbox {

/// No folder: a descriptor that no call takes for one.
inline constexpr int kNoFolder = -1;

/// A program for this process, in this mode. From `folder`, a descriptor, main may remove files.
struct ReadyFilter {
  std::array<sock_filter, BpfProgram::kMax> instructions;
  std::size_t size;
};
[[nodiscard]] ReadyFilter ready_filter(ThreadKind kind, Mode mode, int folder = kNoFolder) noexcept;

/// Installs any program, on the calling thread and on what it starts. Gives 0 or errno.
[[nodiscard]] int install_program(std::span<sock_filter> program) noexcept;

/// Installs the filter of its kind on the calling thread, and on what it starts from now on; for ever. It
/// needs no_new_privs. Gives 0 or errno. `mode` is not kOff.
[[nodiscard]] int install_filter(ThreadKind kind, Mode mode, int folder = kNoFolder) noexcept;

}  // namespace mayfly::sandbox
