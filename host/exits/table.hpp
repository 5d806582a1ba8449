// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mayfly::exits {

/// What stands above the rows of a report's group.
[[nodiscard]] std::string_view title_of(std::string_view group) noexcept;

/// A line of a table: a name, then figures.
[[nodiscard]] std::string table_row(std::string_view name, std::initializer_list<std::string_view> figures);

/// "12.5".
[[nodiscard]] std::string one_decimal(double value);

/// Seconds to divide by: more than none.
[[nodiscard]] double seconds_of(std::uint64_t ns) noexcept;

}  // namespace mayfly::exits
