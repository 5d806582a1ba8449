// SPDX-License-Identifier: Apache-2.0
// For the lab's tests, in the place of dma_map_release.cpp: a map that answers before it maps, so that the
// tests that look for faults of the IOMMU can be seen to find some.
#include "vfio/dma_map.hpp"

namespace mayfly::vfio {

Result<HeldMemory::Answer, HeldFault> DmaMap::release(GuestRange /*range*/, Done /*done*/) noexcept {
  return Answer::kNow;
}

void DmaMap::begin_background() noexcept {}

}  // namespace mayfly::vfio
