// SPDX-License-Identifier: Apache-2.0
#include "broker/lot.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace mayfly::broker {

bool Lot::has(const vfio::PciAddress& address) const noexcept {
  return std::ranges::find(spec_.addresses, address) != spec_.addresses.end();
}

void Lot::opened(Kept kept) noexcept {
  MAYFLY_ASSERT(state_ == State::kOpening || state_ == State::kQuarantined);
  state_ = State::kReady;
  kept_ = std::move(kept);
  failures_ = 0;
}

bool Lot::failed(std::string why) {
  MAYFLY_ASSERT(state_ == State::kOpening || state_ == State::kQuarantined);
  why_ = std::move(why);
  ++failures_;
  if (state_ == State::kQuarantined || failures_ < rules_.failures_max) {
    return false;
  }
  state_ = State::kQuarantined;
  return true;
}

std::chrono::milliseconds Lot::retry_after() const noexcept {
  // More doublings than these only lead beyond the longest.
  constexpr std::uint32_t kDoublingsMax = 20;
  const std::uint32_t doublings = std::min(failures_ > 0 ? failures_ - 1 : 0, kDoublingsMax);
  return std::min(rules_.first * (1U << doublings), rules_.longest);
}

void Lot::lend(std::string tenant) {
  MAYFLY_ASSERT(state_ == State::kReady);
  state_ = State::kLeased;
  tenant_ = std::move(tenant);
}

Kept Lot::end_lease() noexcept {
  MAYFLY_ASSERT(state_ == State::kLeased);
  state_ = State::kOpening;
  return std::exchange(kept_, {});
}

std::string to_string(std::span<const vfio::PciAddress> addresses) {
  std::string text;
  for (const vfio::PciAddress& address : addresses) {
    text += (text.empty() ? "" : ", ") + to_string(address);
  }
  return text;
}

}  // namespace mayfly::broker
