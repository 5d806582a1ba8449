// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mayfly::image::erofs {

/// One file to place, in blocks of 4096 bytes.
struct DataExtent {
  std::uint64_t blocks = 0;
  std::uint64_t first = 0;  ///< Set by place_data().
};

/// Places the extents from block `begin` on: those of kHugePageBytes or more at multiples of that size, in
/// their order; the holes before them are filled with the others, in their order while they fit and then with
/// the largest that do. Returns the end.
[[nodiscard]] std::uint64_t place_data(std::uint64_t begin, std::span<DataExtent> extents);

}  // namespace mayfly::image::erofs
