// SPDX-License-Identifier: Apache-2.0
#include "vfio/dma_plan.hpp"

#include <utility>

namespace mayfly::vfio {

DmaPlan::DmaPlan(std::span<const GuestMemory::Region> ram, const DmaRules& rules)
    : table_(ram, rules.pieces),
      rules_(rules),
      background_(rules.background),
      states_(table_.size()),
      held_(table_),
      exposed_(table_.size()),
      urgent_(table_.size()),
      hold_order_(table_.size()),
      ready_(table_.size()),
      entries_(table_.size()) {
  exposed_.fill();
  urgent_order_.reserve(table_.size());
}

void DmaPlan::begin_background() noexcept {
  if (std::exchange(background_, Background::kAtOnce) == Background::kWhenTold) {
    counters_.foreground_bytes = counters_.mapped_bytes;
  }
}

void DmaPlan::pause_background() noexcept {
  if (background_ == Background::kAhead) {
    background_ = Background::kWhenTold;
    counters_.ahead_bytes = counters_.mapped_bytes;
  }
}

bool DmaPlan::is_wanted(PieceIndex piece) const noexcept {
  return background_ != Background::kWhenTold || piece < table_.window_size() || waiting_.is_urgent();
}

std::optional<PieceIndex> DmaPlan::begin_populate() noexcept {
  if (failed_) {
    return std::nullopt;
  }
  const PieceSet& absent = states_.absent();
  std::optional<PieceIndex> piece;
  while (!piece.has_value() && urgent_next_ < urgent_order_.size()) {
    const PieceIndex next = urgent_order_[urgent_next_++];
    piece = absent.contains(next) ? std::optional(next) : std::nullopt;
  }
  if (!piece.has_value() && waiting_.waits_for(Waiting::For::kSettled)) {
    piece = PieceSet::next_in_both(exposed_, absent, 0);
  }
  if (!piece.has_value()) {
    piece = absent.next(0);
    const bool in_window = piece.has_value() && *piece < table_.window_size();
    if (!in_window && background_ == Background::kWhenTold) {
      return std::nullopt;
    }
    if (!in_window) {
      const std::optional<PieceIndex> exposed = PieceSet::next_in_both(exposed_, absent, 0);
      // What is not exposed is held.
      piece = exposed.has_value() ? exposed : hold_order_.first_of(absent);
    }
  }
  if (piece.has_value()) {
    states_.advance(*piece, PieceState::kPopulating);
  }
  return piece;
}

std::optional<MapJob> DmaPlan::begin_map() noexcept {
  if (failed_) {
    return std::nullopt;
  }
  std::optional<MapJob> job = find_job(urgent_, rules_.busy_merge_bytes, Wait::kForNothing);
  if (!job.has_value() && waiting_.waits_for(Waiting::For::kSettled)) {
    job = find_job(exposed_, rules_.busy_merge_bytes, Wait::kForNeighbours);
  }
  if (!job.has_value() && (background_ != Background::kWhenTold || !is_window_mapped())) {
    const std::uint64_t while_idle =
        background_ == Background::kAhead ? rules_.pieces.piece_bytes : rules_.idle_merge_bytes;
    const std::uint64_t bytes = waiting_.is_urgent() ? rules_.busy_merge_bytes : while_idle;
    job = find_job(states_.unmapped(), bytes, Wait::kForNeighbours);
  }
  if (job.has_value()) {
    for (PieceIndex piece = job->first; piece < job->first + job->count; ++piece) {
      states_.advance(piece, PieceState::kMapping);
    }
  }
  return job;
}

void DmaPlan::end_map(MapJob job, std::uint64_t now) noexcept {
  entries_.insert(job.first);
  ++counters_.entries;
  counters_.mapped_bytes += guest(job).bytes;
  // First everything is mapped, in the books too; only then does anybody hear of it.
  for (PieceIndex piece = job.first; piece < job.first + job.count; ++piece) {
    states_.advance(piece, PieceState::kMapped);
  }
  for (PieceIndex piece = job.first; piece < job.first + job.count; ++piece) {
    piece_mapped(piece, now);
  }
  pass_mapped();
  if (counters_.window_mapped_ns == 0 && is_window_mapped()) {
    counters_.window_mapped_ns = now;
  }
  if (states_.unmapped().empty()) {
    counters_.all_mapped_ns = now;
    all_mapped_.store(true, std::memory_order_release);
  }
  answer_requests(now);
}

void DmaPlan::piece_mapped(PieceIndex piece, std::uint64_t now) noexcept {
  exposed_.erase(piece);
  urgent_.erase(piece);
  held_.drop_releasing(piece);
  if (held_.count(piece) != 0) {
    ready_.insert(piece);
    ready_units_ += counts_as_ready(piece) ? held_.count(piece) : 0;
  }
  waiting_.piece_mapped(piece, now, counters_.releases_later);
}

void DmaPlan::pass_mapped() noexcept {
  hold_order_.pass(states_.unmapped(), [this](PieceIndex piece) { ready_units_ += held_.count(piece); });
}

// Two pieces that may be one map.
bool DmaPlan::may_join_next(PieceIndex piece, std::uint64_t merge_bytes) const noexcept {
  return table_.joins_next(piece) && piece + 1 != table_.window_size() &&
         table_[piece].guest.start.raw() / merge_bytes == table_[piece + 1].guest.start.raw() / merge_bytes;
}

MapJob DmaPlan::grow(PieceIndex piece, std::uint64_t merge_bytes) const noexcept {
  PieceIndex first = piece;
  while (first > 0 && states_.populated().contains(first - 1) && may_join_next(first - 1, merge_bytes)) {
    --first;
  }
  PieceIndex last = piece;
  while (may_join_next(last, merge_bytes) && states_.populated().contains(last + 1)) {
    ++last;
  }
  return {first, last - first + 1};
}

// True when a piece beside the job, and of `among`, is just being populated: together they will be one map.
bool DmaPlan::has_coming_neighbour(MapJob job, const PieceSet& among,
                                   std::uint64_t merge_bytes) const noexcept {
  const auto is_coming = [&](PieceIndex piece) {
    return among.contains(piece) && states_[piece] == PieceState::kPopulating;
  };
  const PieceIndex last = job.first + job.count - 1;
  return (job.first > 0 && may_join_next(job.first - 1, merge_bytes) && is_coming(job.first - 1)) ||
         (may_join_next(last, merge_bytes) && is_coming(last + 1));
}

std::optional<MapJob> DmaPlan::find_job(const PieceSet& among, std::uint64_t merge_bytes,
                                        Wait wait) const noexcept {
  const PieceSet& populated = states_.populated();
  std::optional<PieceIndex> piece = PieceSet::next_in_both(among, populated, 0);
  while (piece.has_value()) {
    const MapJob job = grow(*piece, merge_bytes);
    if (wait == Wait::kForNothing || !has_coming_neighbour(job, among, merge_bytes)) {
      return job;
    }
    piece = PieceSet::next_in_both(among, populated, job.first + job.count);
  }
  return std::nullopt;
}

bool DmaPlan::is_window_mapped() const noexcept {
  const std::optional<PieceIndex> unmapped = states_.unmapped().next(0);
  return !unmapped.has_value() || *unmapped >= table_.window_size();
}

GuestRange DmaPlan::guest(MapJob job) const noexcept {
  const GuestRange& last = table_[job.first + job.count - 1].guest;
  const GuestAddress start = table_[job.first].guest.start;
  return {start, last.start.raw() + last.bytes - start.raw()};
}

DmaCounters DmaPlan::counters() const noexcept {
  DmaCounters counters = counters_;
  counters.ram_bytes = table_.bytes();
  counters.held_bytes = held_.total() * HeldMemory::kUnit;
  counters.pieces = table_.size();
  return counters;
}

std::optional<GuestRange> DmaPlan::take_entry() noexcept {
  const std::optional<PieceIndex> first = entries_.next(0);
  if (!first.has_value()) {
    return std::nullopt;
  }
  entries_.erase(*first);
  PieceIndex end = *first + 1;
  while (end < table_.size() && table_.joins_next(end - 1) && is_mapped(end) && !entries_.contains(end)) {
    ++end;
  }
  return guest({*first, end - *first});
}

}  // namespace mayfly::vfio
