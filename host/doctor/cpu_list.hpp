// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::doctor {

/// Numbers of CPUs or NUMA nodes, in ascending order, none twice.
using CpuList = std::vector<std::uint32_t>;

/// Linux has no more CPUs on x86 (CONFIG_NR_CPUS).
inline constexpr std::uint32_t kCpuNumbersMax = 8192;

/// Reads "0-3,8", as sysfs writes lists and users do; "" is the empty list. Nothing when it is of another
/// form or names a CPU of kCpuNumbersMax or above. Source: Documentation/admin-guide/kernel-parameters.rst,
/// cpu lists.
[[nodiscard]] std::optional<CpuList> parse_cpu_list(std::string_view text);

/// The shortest text that parse_cpu_list() reads back.
[[nodiscard]] std::string to_text(std::span<const std::uint32_t> list);

[[nodiscard]] bool contains(const CpuList& list, std::uint32_t number) noexcept;
/// What stands in `list` and not in `without`.
[[nodiscard]] CpuList difference(const CpuList& list, const CpuList& without);

}  // namespace mayfly::doctor
