// SPDX-License-Identifier: Apache-2.0
#include "virtio/balloon_pages.hpp"

#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

std::uint64_t bytes_of(const GuestMemory& memory) noexcept {
  std::uint64_t bytes = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    MAYFLY_ASSERT(region.guest.start.raw() % HeldMemory::kUnit == 0 &&
                  region.guest.bytes % HeldMemory::kUnit == 0);
    bytes += region.guest.bytes;
  }
  return bytes;
}

}  // namespace

BalloonPages::BalloonPages(const GuestMemory& memory)
    : memory_(memory), pages_(bytes_of(memory) / kPageBytes), held_units_(pages_.size() / kPagesAUnit) {}

BalloonPages::Change BalloonPages::come(std::uint32_t page_frame) noexcept {
  const auto page = number_of(page_frame);
  if (!page || pages_.contains(*page)) {
    return Change::kRefused;
  }
  pages_.insert({*page, 1});
  ++count_;
  const std::uint64_t first = *page / kPagesAUnit * kPagesAUnit;
  return pages_.contains_all({first, kPagesAUnit}) ? Change::kComplete : Change::kNone;
}

BalloonPages::Change BalloonPages::go(std::uint32_t page_frame) noexcept {
  const auto page = number_of(page_frame);
  if (!page || !pages_.contains(*page)) {
    return Change::kRefused;
  }
  pages_.erase({*page, 1});
  --count_;
  const std::uint64_t unit = *page / kPagesAUnit;
  if (!held_units_.contains(unit)) {
    return Change::kNone;
  }
  held_units_.erase({unit, 1});
  return Change::kBroken;
}

void BalloonPages::note_held(std::uint32_t page_frame) noexcept {
  const auto page = number_of(page_frame);
  MAYFLY_ASSERT(page.has_value());
  held_units_.insert({*page / kPagesAUnit, 1});
}

GuestRange BalloonPages::unit_of(std::uint32_t page_frame) noexcept {
  return {GuestAddress(page_frame / kPagesAUnit * HeldMemory::kUnit), HeldMemory::kUnit};
}

void BalloonPages::clear() noexcept {
  pages_.clear();
  held_units_.clear();
  count_ = 0;
}

std::optional<std::uint64_t> BalloonPages::number_of(std::uint32_t page_frame) const noexcept {
  const GuestAddress at(page_frame * kPageBytes);
  std::uint64_t before = 0;
  for (const GuestMemory::Region& region : memory_.regions()) {
    if (region.guest.contains(at)) {
      return before + (at.raw() - region.guest.start.raw()) / kPageBytes;
    }
    before += region.guest.bytes / kPageBytes;
  }
  return std::nullopt;
}

}  // namespace mayfly::virtio
