// SPDX-License-Identifier: Apache-2.0
// Memory that was held comes back: all that dma_map_too_early.cpp does otherwise.
#include "base/clock.hpp"
#include "vfio/dma_map.hpp"

namespace mayfly::vfio {

Result<HeldMemory::Answer, HeldFault> DmaMap::release(GuestRange range, Done done) noexcept {
  const std::lock_guard lock(mutex_);
  const auto result = plan_.release(range, done, monotonic_ns());
  if (result == Answer::kLater) {
    wake();
  } else if (plan_.has_due()) {
    map_work_.notify_one();
  }
  return result;
}

void DmaMap::begin_background() noexcept {
  const std::lock_guard lock(mutex_);
  plan_.begin_background();
  wake();
}

}  // namespace mayfly::vfio
