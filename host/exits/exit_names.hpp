// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exits/tally.hpp"

namespace mayfly::exits {

/// What a group is called in a report, as JSON.
[[nodiscard]] std::string_view name_of(Group group) noexcept;

/// What a key of a group stands for, in the words of its specification where it has any: "npf", "0x80 write",
/// "0x6e0 write TSC_DEADLINE". Of vCPUs the number alone; processes are numbers.
[[nodiscard]] std::string name_of(Group group, std::uint64_t key);

}  // namespace mayfly::exits
