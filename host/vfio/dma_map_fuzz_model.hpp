// SPDX-License-Identifier: Apache-2.0
// What dma_map_fuzz compares the plan with, by the simplest means.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <vector>

#include "memory/held_memory.hpp"
#include "vfio/piece_table.hpp"

namespace mayfly::vfio {

inline constexpr std::uint64_t kUnit = HeldMemory::kUnit;
inline constexpr std::uint64_t kLowUnits = 21;
inline constexpr std::uint64_t kHighUnits = 34;
inline constexpr std::uint64_t kUnits = kLowUnits + kHighUnits;
// A hole so small that maps would cross it if they were let.
inline constexpr std::uint64_t kHighStart = (kLowUnits + 3) * kUnit;

/// Which units are what.
using Units = std::bitset<kUnits>;

inline std::uint64_t address_of(std::uint64_t unit) noexcept {
  return unit < kLowUnits ? unit * kUnit : kHighStart + (unit - kLowUnits) * kUnit;
}

/// The units of a range within one range of RAM; none when it is not.
inline Units units_of(GuestRange range) noexcept {
  Units units;
  for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
    if (range.contains(GuestAddress(address_of(unit)))) {
      units.set(unit);
    }
  }
  return units.count() * kUnit == range.bytes ? units : Units{};
}

/// The order in which pieces were first held, before they were mapped.
class HoldOrderModel {
 public:
  /// `units`, none of them mapped, are held now.
  void note(const Units& units, const PieceTable& table) {
    for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
      const PieceIndex piece = table.piece_of(unit);
      if (units.test(unit) && std::ranges::find(order_, piece) == order_.end()) {
        order_.push_back(piece);
      }
    }
  }
  /// What is held and mapped, but for pieces that were first held after one that is not mapped.
  [[nodiscard]] Units ready(const Units& held, const Units& mapped, const PieceTable& table) const {
    Units ready = held & mapped;
    bool is_waiting = false;
    for (const PieceIndex piece : order_) {
      const UnitRange units = table[piece].units;
      is_waiting = is_waiting || !mapped.test(units.first);
      for (std::uint64_t unit = units.first; is_waiting && unit < units.end(); ++unit) {
        ready.reset(unit);
      }
    }
    return ready;
  }

 private:
  std::vector<PieceIndex> order_;
};

}  // namespace mayfly::vfio
