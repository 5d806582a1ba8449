// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image-builder/format/image_header.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Whether a guest may keep time by the time stamp counter (TSC) itself; if not, by what KVM tells it of that
/// (kvm-clock).
enum class GuestTsc : std::uint8_t { kTrusted, kUnstable };

/// What this host's guests may do. Any thread.
[[nodiscard]] GuestTsc guest_tsc();

/// The same by whether the processor's TSC is invariant, which KVM tells guests as it is, and by the name of
/// the host's clock source, empty where it is not told. A host that has another clock than its TSC has found
/// the TSC wanting, or may be moved to another machine itself. Sources: Intel SDM 3B, Invariant TSC;
/// Linux, arch/x86/kernel/kvmclock.c.
[[nodiscard]] GuestTsc judge_tsc(bool is_invariant, std::string_view clock_source) noexcept;

/// What the guest's kernel is told: our words, then those of `config.cmdline_append`.
[[nodiscard]] std::string kernel_command_line(const RunConfig& config, image::FileSystem file_system,
                                              GuestTsc tsc);

}  // namespace mayfly::vmm
