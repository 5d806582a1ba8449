// SPDX-License-Identifier: Apache-2.0
#include "memory/hole_puncher.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "base/say.hpp"

namespace mayfly {

HolePuncher::HolePuncher(Backing& backing, const GuestMemory& memory)
    : backing_(backing),
      memory_(memory),
      units_a_page_(backing.pages() == Pages::k1g ? kGiB / kUnit : 1),
      held_(backing.size() / kUnit),
      punched_(backing.size() / kUnit / units_a_page_) {
  for (const GuestMemory::Region& region : memory.regions()) {
    MAYFLY_ASSERT(region.host >= backing.data() &&
                  region.host + region.guest.bytes <= backing.data() + backing.size() &&
                  region.guest.start.raw() % kUnit == 0 && region.guest.bytes % kUnit == 0);
  }
}

Result<void, HeldFault> HolePuncher::hold(GuestRange range) noexcept {
  const auto run = run_of(range);
  if (!run) {
    return unexpected(run.error());
  }
  const std::lock_guard lock(mutex_);
  if (!held_.contains_none(*run)) {
    return unexpected(HeldFault::kAlreadyHeld);
  }
  held_.insert(*run);
  punch(*run);
  return {};
}

Result<HeldMemory::Answer, HeldFault> HolePuncher::release(GuestRange range, Done /*done*/) noexcept {
  const auto run = run_of(range);
  if (!run) {
    return unexpected(run.error());
  }
  const std::lock_guard lock(mutex_);
  if (!held_.contains_all(*run)) {
    return unexpected(HeldFault::kNotHeld);
  }
  if (!mend(*run)) {
    return refuse();
  }
  held_.erase(*run);
  return Answer::kNow;
}

HeldMemory::Answer HolePuncher::release_all(Done /*done*/) noexcept {
  const std::lock_guard lock(mutex_);
  if (!mend({0, held_.size()})) {
    return refuse();
  }
  held_.clear();
  return Answer::kNow;
}

std::optional<GuestRange> HolePuncher::next_ready_run(GuestAddress from) const noexcept {
  const std::lock_guard lock(mutex_);
  for (const GuestMemory::Region& region : memory_.regions()) {
    const std::uint64_t start = region.guest.start.raw();
    if (from.raw() >= start + region.guest.bytes) {
      continue;
    }
    const std::uint64_t skipped = from.raw() > start ? align_up(from.raw() - start, kUnit) / kUnit : 0;
    const std::uint64_t first = first_unit(region);
    const std::uint64_t end = first + region.guest.bytes / kUnit;
    const auto run = held_.next_run(first + skipped);
    if (run && run->first < end) {
      return GuestRange{GuestAddress(start + (run->first - first) * kUnit),
                        (std::min(end, run->end()) - run->first) * kUnit};
    }
  }
  return std::nullopt;
}

Result<HolePuncher::Run, HeldFault> HolePuncher::run_of(GuestRange range) const noexcept {
  const auto place = locate(range, memory_.regions());
  if (!place) {
    return unexpected(place.error());
  }
  return Run{first_unit(memory_.regions()[place->region]) + place->units.first, place->units.count};
}

std::uint64_t HolePuncher::first_unit(const GuestMemory::Region& region) const noexcept {
  return static_cast<std::uint64_t>(region.host - backing_.data()) / kUnit;
}

HolePuncher::Run HolePuncher::pages_of(Run run) const noexcept {
  const std::uint64_t first = run.first / units_a_page_;
  const std::uint64_t end = (run.end() + units_a_page_ - 1) / units_a_page_;
  return {first, std::min(end, punched_.size()) - first};
}

void HolePuncher::punch(Run run) noexcept {
  const Run pages = pages_of(run);
  const std::uint64_t end = pages.end();
  const auto whole = [this](std::uint64_t page) {
    return held_.contains_all({page * units_a_page_, units_a_page_});
  };
  // Of the run's pages only the first and the last can be held in part.
  const std::uint64_t from = whole(pages.first) ? pages.first : pages.first + 1;
  const std::uint64_t to = from < end && !whole(end - 1) ? end - 1 : end;
  if (from < to) {
    const std::uint64_t page_bytes = units_a_page_ * kUnit;
    backing_.discard(from * page_bytes, (to - from) * page_bytes);
    punched_.insert({from, to - from});
  }
}

bool HolePuncher::mend(Run run) noexcept {
  const Run pages = pages_of(run);
  const std::uint64_t end = pages.end();
  const std::uint64_t page_bytes = units_a_page_ * kUnit;
  std::uint64_t at = pages.first;
  while (const auto hole = punched_.next_run(at)) {
    if (hole->first >= end) {
      break;
    }
    const std::uint64_t count = std::min(end, hole->end()) - hole->first;
    if (!backing_.reserve(hole->first * page_bytes, count * page_bytes)) {
      return false;
    }
    punched_.erase({hole->first, count});
    at = hole->first + count;
  }
  return true;
}

HeldMemory::Answer HolePuncher::refuse() noexcept {
  if (!told_) {
    told_ = true;
    warn("the guest wants memory back from its balloon, and this host has too few free " +
         std::string(name(backing_.pages())) + " pages left; the guest waits for it");
  }
  return Answer::kLater;
}

}  // namespace mayfly
