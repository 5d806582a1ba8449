// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "memory/held_memory.hpp"
#include "memory/page_set.hpp"
#include "vfio/piece_set.hpp"
#include "vfio/piece_table.hpp"

namespace mayfly::vfio {

/// Which units are held, and which of those are being released. Two bits a unit, whatever the guest does;
/// knows nothing of mapping. Not thread-safe.
class HeldUnits {
 public:
  /// Nothing held. `table` must outlive it. Throws Error when there is no address space for it.
  explicit HeldUnits(const PieceTable& table);

  /// What keeps `range` from being held, or released.
  [[nodiscard]] Result<void, HeldFault> check_hold(UnitRange range) const noexcept;
  [[nodiscard]] Result<void, HeldFault> check_release(UnitRange range) const noexcept;

  /// `part` of `piece`, checked before, becomes held.
  void hold(PieceIndex piece, UnitRange part) noexcept;
  /// `part` of `piece`, checked before, is held no more.
  void drop(PieceIndex piece, UnitRange part) noexcept;
  /// `part`, checked before, stays held until drop_releasing() of its piece.
  void begin_release(UnitRange part) noexcept;
  /// As begin_release() of all that is held of `piece`.
  void begin_release_all(PieceIndex piece) noexcept;
  /// What is being released of `piece` is held no more.
  void drop_releasing(PieceIndex piece) noexcept;

  /// Units of `piece` that are held.
  [[nodiscard]] std::uint64_t count(PieceIndex piece) const noexcept { return counts_[piece]; }
  [[nodiscard]] bool is_full(PieceIndex piece) const noexcept {
    return counts_[piece] == table_[piece].units.count;
  }
  /// Pieces of which something is held.
  [[nodiscard]] const PieceSet& pieces() const noexcept { return pieces_; }
  /// Units held, and of them being released, in all.
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t releasing() const noexcept { return total_releasing_; }

  /// The first held and the first not held unit of `range`; its end when there is none.
  [[nodiscard]] std::uint64_t first_held(UnitRange range) const noexcept { return held_.first_in(range); }
  [[nodiscard]] std::uint64_t first_free(UnitRange range) const noexcept { return held_.first_not_in(range); }

 private:
  void change_count(PieceIndex piece, std::uint64_t now) noexcept;

  const PieceTable& table_;
  PageSet held_;
  PageSet releasing_;
  std::vector<std::uint64_t> counts_;
  PieceSet pieces_;
  std::uint64_t total_ = 0;
  std::uint64_t total_releasing_ = 0;
};

}  // namespace mayfly::vfio
