// SPDX-License-Identifier: Apache-2.0
#include "vfio/region_capabilities.hpp"

#include <algorithm>
#include <cstring>

#include "base/checked.hpp"
#include "vfio/abi.hpp"

namespace mayfly::vfio {
namespace {

/// vfio_region_info_cap_sparse_mmap without its areas.
struct SparseHead {
  vfio_info_cap_header header{};
  std::uint32_t areas = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(SparseHead) == sizeof(vfio_region_info_cap_sparse_mmap));

/// False when it does not lie in `bytes`.
template <typename T>
bool load_at(std::span<const std::byte> bytes, std::size_t offset, T& value) noexcept {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    return false;
  }
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return true;
}

/// The whole pages of an area that lie in the region and after `from`.
Area clipped(const vfio_region_sparse_mmap_area& area, std::uint64_t from, std::uint64_t region) noexcept {
  const std::uint64_t end = checked_add<std::uint64_t>(area.offset, area.size).value_or(0);
  const std::uint64_t first = std::max<std::uint64_t>(area.offset, from);
  const std::uint64_t start = first > region ? region : align_up(first, kPageBytes);
  const std::uint64_t stop = std::min(end, region) & ~(kPageBytes - 1);
  return {start, stop > start ? stop - start : 0};
}

std::vector<Area> sparse_areas(std::span<const std::byte> info, std::size_t at, std::uint64_t region) {
  std::vector<Area> areas;
  SparseHead head;
  const bool there = load_at(info, at, head);
  const std::uint32_t count = there ? std::min<std::uint32_t>(head.areas, kAreasMax) : 0;
  std::uint64_t from = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    vfio_region_sparse_mmap_area area{};
    if (!load_at(info, at + sizeof(head) + i * sizeof(area), area)) {
      break;
    }
    if (const Area piece = clipped(area, from, region); piece.bytes > 0) {
      areas.push_back(piece);
      from = piece.offset + piece.bytes;
    }
  }
  return areas;
}

}  // namespace

std::vector<Area> mappable_areas(std::span<const std::byte> info) {
  vfio_region_info region{};
  if (!load_at(info, 0, region)) {
    return {};
  }
  std::size_t at = (region.flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 ? region.cap_offset : 0;
  // Each capability lies behind the one before, so the walk ends.
  while (at >= sizeof(vfio_region_info)) {
    vfio_info_cap_header head{};
    if (!load_at(info, at, head)) {
      break;
    }
    if (head.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
      return sparse_areas(info, at, region.size);
    }
    at = head.next > at ? head.next : 0;
  }
  const Area whole = clipped({.offset = 0, .size = region.size}, 0, region.size);
  return whole.bytes > 0 ? std::vector<Area>{whole} : std::vector<Area>{};
}

}  // namespace mayfly::vfio
