// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "memory/guest_memory.hpp"
#include "memory/pieces.hpp"

namespace mayfly {

/// What `regions` have together.
[[nodiscard]] inline std::uint64_t total_bytes(std::span<const GuestMemory::Region> regions) noexcept {
  std::uint64_t total = 0;
  for (const GuestMemory::Region& region : regions) {
    total += region.guest.bytes;
  }
  return total;
}

/// Calls `use(GuestMemory::Region)` for each part of `piece` of `regions`, counted as if they lay end to end.
template <typename Use>
void for_each_part(std::span<const GuestMemory::Region> regions, Piece piece, Use use) {
  for (const GuestMemory::Region& region : regions) {
    const std::uint64_t skipped = std::min(piece.offset, region.guest.bytes);
    const std::uint64_t bytes = std::min(piece.bytes, region.guest.bytes - skipped);
    if (bytes > 0) {
      use(GuestMemory::Region{{GuestAddress(region.guest.start.raw() + skipped), bytes},
                              region.host + skipped});
    }
    piece.offset -= skipped;
    piece.bytes -= bytes;
  }
}

}  // namespace mayfly
