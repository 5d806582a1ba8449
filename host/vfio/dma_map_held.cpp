// SPDX-License-Identifier: Apache-2.0
// The front ends' side of the map: each call is the plan's under the lock, and wakes who has work by it.
#include <algorithm>

#include "base/clock.hpp"
#include "vfio/dma_map.hpp"

namespace mayfly::vfio {

Result<void, HeldFault> DmaMap::hold(GuestRange range) noexcept {
  const std::lock_guard lock(mutex_);
  auto result = plan_.hold(range, monotonic_ns());
  if (plan_.has_due()) {
    map_work_.notify_one();
  }
  // The last byte that nobody had promised may be it.
  if (plan_.is_settled()) {
    progress_.notify_all();
  }
  return result;
}

HeldMemory::Answer DmaMap::release_all(Done done) noexcept {
  const std::lock_guard lock(mutex_);
  const Answer answer = plan_.release_all(done, monotonic_ns());
  wake();
  return answer;
}

HeldMemory::Answer DmaMap::settle(Done done) noexcept {
  if (plan_.is_settled()) {
    return Answer::kNow;
  }
  const std::lock_guard lock(mutex_);
  const Answer answer = plan_.settle(done, monotonic_ns());
  wake();
  return answer;
}

HeldMemory::Answer DmaMap::when_ready(std::uint64_t bytes, Done done) noexcept {
  const std::lock_guard lock(mutex_);
  return plan_.when_ready(bytes, done, monotonic_ns());
}

std::optional<GuestRange> DmaMap::next_ready_run(GuestAddress from) const noexcept {
  const std::lock_guard lock(mutex_);
  return plan_.next_ready_run(from);
}

void DmaMap::forget(const void* owner) noexcept {
  std::unique_lock lock(mutex_);
  plan_.forget(owner);
  progress_.wait(lock, [this, owner] {
    return std::none_of(calling_.begin(), calling_.end(), [owner](const void* now) { return now == owner; });
  });
}

}  // namespace mayfly::vfio
