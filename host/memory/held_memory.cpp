// SPDX-License-Identifier: Apache-2.0
#include "memory/held_memory.hpp"

namespace mayfly {

std::string_view describe(HeldFault fault) noexcept {
  switch (fault) {
    case HeldFault::kEmpty:
      return "is empty";
    case HeldFault::kUnaligned:
      return "is not a multiple of 2 MiB";
    case HeldFault::kOutsideRam:
      return "is not RAM";
    case HeldFault::kAlreadyHeld:
      return "is held already";
    case HeldFault::kNotHeld:
      return "is not held";
    case HeldFault::kReleasing:
      return "is being released already";
    case HeldFault::kTooManyReleases:
      return "is one release too many at a time";
  }
  return "is wrong";
}

Result<HeldPlace, HeldFault> locate(GuestRange range, std::span<const GuestMemory::Region> ram) noexcept {
  constexpr std::uint64_t kUnit = HeldMemory::kUnit;
  if (range.bytes == 0) {
    return unexpected(HeldFault::kEmpty);
  }
  if (range.start.raw() % kUnit != 0 || range.bytes % kUnit != 0) {
    return unexpected(HeldFault::kUnaligned);
  }
  for (std::size_t region = 0; region < ram.size(); ++region) {
    const GuestRange& guest = ram[region].guest;
    if (guest.contains(range.start)) {
      const std::uint64_t offset = range.start.raw() - guest.start.raw();
      if (range.bytes > guest.bytes - offset) {
        break;
      }
      return HeldPlace{region, {offset / kUnit, range.bytes / kUnit}};
    }
  }
  return unexpected(HeldFault::kOutsideRam);
}

}  // namespace mayfly
