// SPDX-License-Identifier: Apache-2.0
#include "memory/working_set.hpp"

#include "base/error.hpp"
#include "memory/region_parts.hpp"

namespace mayfly {
namespace {

/// The least that is worth a system call of its own.
constexpr std::uint64_t kUnit = populate_bytes(Pages::k4k);

}  // namespace

bool is_working_set(std::span<const Piece> parts, std::uint64_t memory_bytes) noexcept {
  if (parts.empty() || parts.size() > kWorkingSetPartsMax) {
    return false;
  }
  std::uint64_t least = 0;
  for (const Piece& part : parts) {
    if (part.offset < least || part.offset > memory_bytes || part.bytes == 0 ||
        part.bytes > memory_bytes - part.offset) {
      return false;
    }
    least = part.offset + part.bytes + 1;
  }
  return true;
}

WorkingSet in_units(const WorkingSet& set, std::uint64_t unit, std::uint64_t memory_bytes) {
  MAYFLY_ASSERT(memory_bytes % unit == 0);
  WorkingSet result;
  for (const Piece& part : set) {
    const std::uint64_t begin = part.offset & ~(unit - 1);
    const std::uint64_t end = (part.offset + part.bytes + unit - 1) & ~(unit - 1);
    if (!result.empty() && begin <= result.back().offset + result.back().bytes) {
      result.back().bytes = end - result.back().offset;
    } else {
      result.push_back({begin, end - begin});
    }
  }
  return result;
}

WorkingSet populated_set(const Backing& memory) {
  WorkingSet set = memory.populated_parts(kUnit);
  // Sizes are multiples of 2 MiB: what has more parts than fit has units of that at most.
  for (std::uint64_t unit = 2 * kUnit; set.size() > kWorkingSetPartsMax && memory.size() % unit == 0;
       unit *= 2) {
    set = in_units(set, unit, memory.size());
  }
  if (set.size() > kWorkingSetPartsMax) {
    set = {{0, memory.size()}};
  }
  return set;
}

std::vector<GuestMemory::Region> regions_of(const GuestMemory& memory, const WorkingSet& set) {
  std::vector<GuestMemory::Region> regions;
  for (const Piece& part : set) {
    for_each_part(memory.regions(), part,
                  [&](const GuestMemory::Region& region) { regions.push_back(region); });
  }
  return regions;
}

}  // namespace mayfly
