// SPDX-License-Identifier: Apache-2.0
// The front ends' side of the plan: what is held, and who waits for it.
#include <limits>

#include "vfio/dma_plan.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::uint64_t kUnit = HeldMemory::kUnit;

}  // namespace

Result<void, HeldFault> DmaPlan::hold(GuestRange range, std::uint64_t now) noexcept {
  const Result<UnitRange, HeldFault> units = table_.units_of(range);
  if (!units) {
    return unexpected(units.error());
  }
  if (const auto allowed = held_.check_hold(*units); !allowed) {
    return allowed;
  }
  const PieceIndex last = table_.piece_of(units->end() - 1);
  for (PieceIndex piece = table_.piece_of(units->first); piece <= last; ++piece) {
    const UnitRange part = table_[piece].units.common(*units);
    held_.hold(piece, part);
    if (is_mapped(piece)) {
      ready_.insert(piece);
      ready_units_ += counts_as_ready(piece) ? part.count : 0;
      continue;
    }
    hold_order_.add(piece);
    if (held_.is_full(piece)) {
      exposed_.erase(piece);
    }
  }
  answer_requests(now);
  return {};
}

Result<HeldMemory::Answer, HeldFault> DmaPlan::release(GuestRange range, Done done,
                                                       std::uint64_t now) noexcept {
  const Result<UnitRange, HeldFault> units = table_.units_of(range);
  if (!units) {
    return unexpected(units.error());
  }
  if (const auto allowed = held_.check_release(*units); !allowed) {
    return unexpected(allowed.error());
  }
  const PieceIndex first = table_.piece_of(units->first);
  const PieceIndex last = table_.piece_of(units->end() - 1);
  const std::optional<PieceIndex> unmapped = states_.unmapped().next(first);
  const bool at_once = !unmapped.has_value() || *unmapped > last;
  if (!at_once && waiting_.full()) {
    return unexpected(HeldFault::kTooManyReleases);
  }
  PieceIndex left = 0;
  for (PieceIndex piece = first; piece <= last; ++piece) {
    const UnitRange part = table_[piece].units.common(*units);
    if (is_mapped(piece)) {
      held_.drop(piece, part);
      ready_units_ -= counts_as_ready(piece) ? part.count : 0;
      if (held_.count(piece) == 0) {
        ready_.erase(piece);
      }
    } else {
      held_.begin_release(part);
      make_urgent(piece);
      ++left;
    }
  }
  if (at_once) {
    ++counters_.releases_now;
  } else {
    waiting_.add_release(first, last, left, now, done);
  }
  answer_requests(now);
  return at_once ? Answer::kNow : Answer::kLater;
}

HeldMemory::Answer DmaPlan::release_all(Done done, std::uint64_t now) noexcept {
  std::optional<PieceIndex> piece = held_.pieces().next(0);
  while (piece.has_value()) {
    held_.begin_release_all(*piece);
    if (is_mapped(*piece)) {
      ready_units_ -= counts_as_ready(*piece) ? held_.count(*piece) : 0;
      ready_.erase(*piece);
      held_.drop_releasing(*piece);
    } else {
      make_urgent(*piece);
    }
    piece = held_.pieces().next(*piece + 1);
  }
  answer_requests(now);
  if (held_.releasing() == 0) {
    return Answer::kNow;
  }
  waiting_.add_request(Waiting::For::kAllReleased, 0, now, done);
  return Answer::kLater;
}

HeldMemory::Answer DmaPlan::settle(Done done, std::uint64_t now) noexcept {
  if (is_settled()) {
    return Answer::kNow;
  }
  waiting_.add_request(Waiting::For::kSettled, 0, now, done);
  return Answer::kLater;
}

HeldMemory::Answer DmaPlan::when_ready(std::uint64_t bytes, Done done, std::uint64_t now) noexcept {
  if (ready_units_ * kUnit >= bytes || ready_units_ == held_.total()) {
    return Answer::kNow;
  }
  waiting_.add_request(Waiting::For::kReady, bytes, now, done);
  return Answer::kLater;
}

std::optional<GuestRange> DmaPlan::next_ready_run(GuestAddress from) const noexcept {
  const std::optional<PieceIndex> start = table_.at_or_after(from);
  std::optional<PieceIndex> piece = start.has_value() ? ready_.next(*start) : std::nullopt;
  while (piece.has_value()) {
    const GuestRange& guest = table_[*piece].guest;
    UnitRange units = table_[*piece].units;
    if (guest.contains(from)) {
      const std::uint64_t skip = align_up(from.raw() - guest.start.raw(), kUnit) / kUnit;
      units = {units.first + skip, units.count - skip};
    }
    const std::uint64_t first = held_.first_held(units);
    if (first != units.end()) {
      const std::uint64_t at = guest.start.raw() + (first - table_[*piece].units.first) * kUnit;
      return GuestRange{GuestAddress(at), (end_of_run(*piece, first) - first) * kUnit};
    }
    piece = ready_.next(*piece + 1);
  }
  return std::nullopt;
}

// The unit behind the run of held, mapped memory that begins at `first`, a unit of `piece`.
std::uint64_t DmaPlan::end_of_run(PieceIndex piece, std::uint64_t first) const noexcept {
  std::uint64_t end = held_.first_free({first, table_[piece].units.end() - first});
  while (end == table_[piece].units.end() && table_.joins_next(piece) && ready_.contains(piece + 1)) {
    ++piece;
    end = held_.first_free(table_[piece].units);
  }
  return end;
}

void DmaPlan::make_urgent(PieceIndex piece) noexcept {
  if (!urgent_.contains(piece)) {
    urgent_.insert(piece);
    urgent_order_.push_back(piece);
  }
}

void DmaPlan::answer_requests(std::uint64_t now) noexcept {
  if (exposed_.empty()) {
    if (!is_settled()) {
      counters_.settled_ns = now;
    }
    settled_.store(true, std::memory_order_release);
    waiting_.satisfy(Waiting::For::kSettled, 0, now, &counters_.settles_later);
  }
  if (held_.releasing() == 0) {
    waiting_.satisfy(Waiting::For::kAllReleased, 0, now, nullptr);
  }
  const bool is_all_ready = ready_units_ == held_.total();
  waiting_.satisfy(Waiting::For::kReady,
                   is_all_ready ? std::numeric_limits<std::uint64_t>::max() : ready_units_ * kUnit, now,
                   nullptr);
}

}  // namespace mayfly::vfio
