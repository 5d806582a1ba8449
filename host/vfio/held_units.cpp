// SPDX-License-Identifier: Apache-2.0
#include "vfio/held_units.hpp"

namespace mayfly::vfio {

HeldUnits::HeldUnits(const PieceTable& table)
    : table_(table),
      held_(table.units()),
      releasing_(table.units()),
      counts_(table.size()),
      pieces_(table.size()) {}

Result<void, HeldFault> HeldUnits::check_hold(UnitRange range) const noexcept {
  if (!held_.contains_none(range)) {
    return unexpected(!releasing_.contains_none(range) ? HeldFault::kReleasing : HeldFault::kAlreadyHeld);
  }
  return {};
}

Result<void, HeldFault> HeldUnits::check_release(UnitRange range) const noexcept {
  if (!held_.contains_all(range)) {
    return unexpected(HeldFault::kNotHeld);
  }
  if (!releasing_.contains_none(range)) {
    return unexpected(HeldFault::kReleasing);
  }
  return {};
}

void HeldUnits::hold(PieceIndex piece, UnitRange part) noexcept {
  held_.insert(part);
  change_count(piece, counts_[piece] + part.count);
}

void HeldUnits::drop(PieceIndex piece, UnitRange part) noexcept {
  held_.erase(part);
  change_count(piece, counts_[piece] - part.count);
}

void HeldUnits::begin_release(UnitRange part) noexcept {
  releasing_.insert(part);
  total_releasing_ += part.count;
}

void HeldUnits::begin_release_all(PieceIndex piece) noexcept {
  const UnitRange units = table_[piece].units;
  total_releasing_ += counts_[piece] - releasing_.count(units);
  releasing_.insert_from(held_, units);
}

void HeldUnits::drop_releasing(PieceIndex piece) noexcept {
  const UnitRange units = table_[piece].units;
  const std::uint64_t dropped = releasing_.count(units);
  if (dropped == 0) {
    return;
  }
  held_.erase_from(releasing_, units);
  releasing_.erase(units);
  total_releasing_ -= dropped;
  change_count(piece, counts_[piece] - dropped);
}

void HeldUnits::change_count(PieceIndex piece, std::uint64_t now) noexcept {
  total_ = total_ - counts_[piece] + now;
  counts_[piece] = now;
  if (now == 0) {
    pieces_.erase(piece);
  } else {
    pieces_.insert(piece);
  }
}

}  // namespace mayfly::vfio
