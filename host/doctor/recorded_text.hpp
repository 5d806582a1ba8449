// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "doctor/capabilities.hpp"
#include "doctor/recording.hpp"

namespace mayfly::doctor {

// How single files of /proc and /sys are read.

/// A whole text that is a number, of base 10 or 16 ("0x" or not).
[[nodiscard]] std::optional<std::uint64_t> number_in(std::optional<std::string_view> text,
                                                     int base = 10) noexcept;
/// A module's parameter: Y, N or a number, where 0 is off.
[[nodiscard]] Switch switch_in(std::optional<std::string_view> text) noexcept;
/// The word in brackets of "always [madvise] never"; empty when there is none.
[[nodiscard]] std::string_view chosen_in(std::optional<std::string_view> text) noexcept;
/// What stands after "name\t: " in the lines of /proc/cpuinfo; nothing when there is no such line.
[[nodiscard]] std::optional<std::string_view> field_of(std::string_view lines,
                                                       std::string_view name) noexcept;
/// The path of the group of cgroup v2 in the lines of /proc/PID/cgroup; nothing when there is no such line.
[[nodiscard]] std::optional<std::string_view> own_cgroup_in(std::string_view lines) noexcept;

}  // namespace mayfly::doctor
