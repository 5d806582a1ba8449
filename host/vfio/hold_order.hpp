// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "vfio/piece_set.hpp"

namespace mayfly::vfio {

/// Pieces in the order in which something of them was first held before they were mapped: who has lent memory
/// takes back first what was lent first, so it is mapped in that order, and counts as ready in that order.
///
/// Each piece comes in once, whatever the guest does. Not thread-safe.
class HoldOrder {
 public:
  explicit HoldOrder(PieceIndex pieces) : seen_(pieces), waiting_(pieces) { order_.reserve(pieces); }

  /// Something of `piece`, which is not mapped, has come to be held.
  void add(PieceIndex piece) noexcept {
    if (!seen_.contains(piece)) {
      seen_.insert(piece);
      waiting_.insert(piece);
      order_.push_back(piece);
    }
  }
  /// True while it, or one that came before it, is not mapped.
  [[nodiscard]] bool is_waiting(PieceIndex piece) const noexcept { return waiting_.contains(piece); }

  /// The first that is in `absent`, a set that only ever shrinks.
  [[nodiscard]] std::optional<PieceIndex> first_of(const PieceSet& absent) noexcept {
    while (absent_ < order_.size() && !absent.contains(order_[absent_])) {
      ++absent_;
    }
    return absent_ < order_.size() ? std::optional(order_[absent_]) : std::nullopt;
  }

  /// Calls passed(piece) for each that waits no more, now that `unmapped` is what is not mapped.
  template <typename Passed>
  void pass(const PieceSet& unmapped, const Passed& passed) noexcept {
    while (passed_ < order_.size() && !unmapped.contains(order_[passed_])) {
      waiting_.erase(order_[passed_]);
      passed(order_[passed_]);
      ++passed_;
    }
  }

 private:
  PieceSet seen_;
  PieceSet waiting_;
  std::vector<PieceIndex> order_;
  std::size_t absent_ = 0;
  std::size_t passed_ = 0;
};

}  // namespace mayfly::vfio
