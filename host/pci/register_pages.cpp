// SPDX-License-Identifier: Apache-2.0
#include "pci/register_pages.hpp"

#include <array>

#include "base/error.hpp"

namespace mayfly::pci {

RegisterPages::RegisterPages(std::uint64_t address, std::size_t bytes, Viewer& viewer)
    : pages_(blank_view(bytes)), address_(address), viewer_(viewer) {}

RegisterPages::Followed RegisterPages::follow(std::optional<std::uint64_t> address) noexcept {
  if (state_ == State::kHidden) {
    return Followed::kAsBefore;
  }
  const State before = state_;
  if (!address) {
    state_ = State::kBlank;
  } else if (*address == address_) {
    state_ = State::kShown;
  } else {
    state_ = State::kHidden;
    viewer_.hide();
  }
  if (before == State::kShown && state_ == State::kBlank) {
    constexpr std::array kOnes{~0U, ~0U, ~0U, ~0U};
    for (std::size_t at = 0; at < pages_.size(); at += sizeof(kOnes)) {
      refresh_view(pages_.bytes().subspan(at, sizeof(kOnes)), kOnes);
    }
  }
  return before == State::kBlank && state_ == State::kShown ? Followed::kShownAgain : Followed::kAsBefore;
}

void RegisterPages::show(std::size_t offset, std::span<const std::uint32_t> now) noexcept {
  MAYFLY_ASSERT(offset % sizeof(std::uint32_t) == 0 && offset + now.size_bytes() <= pages_.size());
  if (state_ == State::kShown) {
    refresh_view(pages_.bytes().subspan(offset, now.size_bytes()), now);
  }
}

}  // namespace mayfly::pci
