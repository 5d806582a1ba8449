// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// What of a region may be mapped, from what VFIO says about it: a vfio_region_info and its capabilities. All
/// of it where no capability names areas; only whole pages, ascending, within the region, at most kAreasMax.
/// A chain that leads nowhere or in circles ends the walk.
[[nodiscard]] std::vector<Area> mappable_areas(std::span<const std::byte> info);

/// The most areas that one region has.
inline constexpr std::size_t kAreasMax = 64;

}  // namespace mayfly::vfio
