// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace mayfly {

/// The names in a folder but "." and "..", sorted; of one with more than `names_max` the first that the
/// kernel gives. Nothing when it cannot be read. Any thread.
[[nodiscard]] std::optional<std::vector<std::string>> read_folder(
    const std::string& path, std::size_t names_max = std::numeric_limits<std::size_t>::max());

}  // namespace mayfly
