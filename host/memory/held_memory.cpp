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

}  // namespace mayfly
