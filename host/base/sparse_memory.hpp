// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/mapping.hpp"

namespace mayfly {

/// So many bytes of zeros, of which the host gives a page when it is touched: never a huge one, of which it
/// would give and clear 2 MiB for a byte. Throws Error.
[[nodiscard]] Mapping sparse_memory(std::size_t bytes);

}  // namespace mayfly
