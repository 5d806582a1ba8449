// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pool/shelf.hpp"

namespace mayfly::cli {

/// The kinds of memory of `mayfly pool`, each SIZE[,KEY=VALUE]...: pages=2m|1g|thp|4k, node=N, count=N,
/// most=N. Throws Error that names what was given: no size, an unknown key, a count beyond `most`, a kind
/// twice.
[[nodiscard]] std::vector<pool::ShelfSpec> check_shelves(const std::vector<std::string>& texts);

}  // namespace mayfly::cli
