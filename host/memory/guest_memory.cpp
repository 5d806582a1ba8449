// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace mayfly {
namespace {

template <typename Word>
void copy_word(std::byte* to, const std::byte* from) noexcept {
  // Safe: both are aligned for Word (checked by the caller), and may_alias allows the access.
  using Aliased [[gnu::may_alias]] = Word;
  const Word value = __atomic_load_n(reinterpret_cast<const Aliased*>(from), __ATOMIC_RELAXED);
  __atomic_store_n(reinterpret_cast<Aliased*>(to), value, __ATOMIC_RELAXED);
}

bool aligned(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept {
  // Safe: only the addresses' low bits are looked at.
  return ((reinterpret_cast<std::uintptr_t>(a) | reinterpret_cast<std::uintptr_t>(b)) & (bytes - 1)) == 0;
}

}  // namespace

GuestMemory::GuestMemory(std::span<const Region> regions) noexcept : count_(regions.size()) {
  MAYFLY_ASSERT(regions.size() <= kRegionsMax);
  std::copy(regions.begin(), regions.end(), regions_.begin());
  for (std::size_t i = 1; i < count_; ++i) {
    MAYFLY_ASSERT(regions_[i - 1].guest.start.raw() + regions_[i - 1].guest.bytes <=
                  regions_[i].guest.start.raw());
  }
}

bool GuestMemory::copy_out(GuestAddress from, std::span<std::byte> out) const noexcept {
  const std::byte* source = find({from, out.size()});
  if (source == nullptr) {
    return false;
  }
  std::copy_n(source, out.size(), out.data());  // not memcpy: an empty span may be null
  return true;
}

bool GuestMemory::copy_in(GuestAddress to, std::span<const std::byte> in) noexcept {
  std::byte* target = find({to, in.size()});
  if (target == nullptr) {
    return false;
  }
  std::copy_n(in.data(), in.size(), target);
  return true;
}

std::optional<iovec> GuestMemory::host_range(GuestRange range) const noexcept {
  std::byte* at = find(range);
  return at == nullptr ? std::nullopt : std::optional(iovec{at, range.bytes});
}

std::byte* GuestMemory::find(GuestRange range) const noexcept {
  for (const Region& region : regions()) {
    if (region.guest.contains(range.start)) {
      const std::uint64_t offset = range.start.raw() - region.guest.start.raw();
      return range.bytes <= region.guest.bytes - offset ? region.host + offset : nullptr;
    }
  }
  return nullptr;
}

void GuestMemory::copy_once(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes == 2 && aligned(to, from, 2)) {
    copy_word<std::uint16_t>(to, from);
  } else if (bytes == 4 && aligned(to, from, 4)) {
    copy_word<std::uint32_t>(to, from);
  } else if (bytes == 8 && aligned(to, from, 8)) {
    copy_word<std::uint64_t>(to, from);
  } else {
    std::memcpy(to, from, bytes);
  }
}

}  // namespace mayfly
