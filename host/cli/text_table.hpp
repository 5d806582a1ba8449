// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace mayfly::cli {

/// Rows as lines for people, the first of which names the columns: each column as wide as its widest entry,
/// two spaces apart, the last one as long as it is. All rows have as many entries.
[[nodiscard]] std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace mayfly::cli
