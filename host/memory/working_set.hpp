// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/backing.hpp"
#include "memory/guest_memory.hpp"
#include "memory/pieces.hpp"

namespace mayfly {

/// What a boot touches of guest memory: parts of it in ascending order that neither overlap nor touch, whose
/// offsets count RAM as if it had no hole.
using WorkingSet = std::vector<Piece>;

/// More parts than this are none worth telling apart.
inline constexpr std::size_t kWorkingSetPartsMax = 4096;

/// True for parts of `memory_bytes` that are a WorkingSet of at least one and at most kWorkingSetPartsMax.
[[nodiscard]] bool is_working_set(std::span<const Piece> parts, std::uint64_t memory_bytes) noexcept;

/// `set` in whole units of `unit` bytes, a power of two that divides `memory_bytes`.
[[nodiscard]] WorkingSet in_units(const WorkingSet& set, std::uint64_t unit, std::uint64_t memory_bytes);

/// What has host memory behind it now, in units of 64 KiB, or larger where it would come to too many parts.
/// Takes time in proportion to the memory's size. Throws Error.
[[nodiscard]] WorkingSet populated_set(const Backing& memory);

/// Where the guest and we see the parts of `set`; a part that spans the hole gives two.
[[nodiscard]] std::vector<GuestMemory::Region> regions_of(const GuestMemory& memory, const WorkingSet& set);

}  // namespace mayfly
