// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "vfio/piece_set.hpp"

namespace mayfly::vfio {

/// How far a piece has come. It only ever takes the next step; kMapped is the end.
enum class PieceState : std::uint8_t { kAbsent, kPopulating, kPopulated, kMapping, kMapped };

/// The states of all pieces. One thread at a time changes them; any thread may look at one meanwhile, and who
/// sees kMapped also sees all that was done before (release, acquire).
class PieceStates {
 public:
  /// All absent.
  explicit PieceStates(PieceIndex size)
      : states_(std::make_unique<std::atomic<PieceState>[]>(size)),
        absent_(size),
        populated_(size),
        unmapped_(size) {
    absent_.fill();
    unmapped_.fill();
  }

  [[nodiscard]] PieceState operator[](PieceIndex piece) const noexcept {
    return states_[piece].load(std::memory_order_acquire);
  }

  /// Takes `piece` from the state before `to` to `to`. Anything else is our mistake: nothing is mapped twice.
  void advance(PieceIndex piece, PieceState to) noexcept {
    const auto now = static_cast<unsigned>((*this)[piece]);
    MAYFLY_ASSERT(now + 1 == static_cast<unsigned>(to));
    states_[piece].store(to, std::memory_order_release);
    switch (to) {
      case PieceState::kPopulating:
        absent_.erase(piece);
        break;
      case PieceState::kPopulated:
        populated_.insert(piece);
        break;
      case PieceState::kMapping:
        populated_.erase(piece);
        break;
      case PieceState::kMapped:
        unmapped_.erase(piece);
        break;
      case PieceState::kAbsent:
        break;
    }
  }

  [[nodiscard]] const PieceSet& absent() const noexcept { return absent_; }
  [[nodiscard]] const PieceSet& populated() const noexcept { return populated_; }
  /// Every piece that is not kMapped.
  [[nodiscard]] const PieceSet& unmapped() const noexcept { return unmapped_; }

 private:
  std::unique_ptr<std::atomic<PieceState>[]> states_;
  PieceSet absent_;
  PieceSet populated_;
  PieceSet unmapped_;
};

}  // namespace mayfly::vfio
