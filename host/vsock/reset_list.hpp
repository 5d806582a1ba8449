// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "vsock/packet.hpp"

namespace mayfly::vsock {

/// RSTs that the guest has yet to be sent for connections that there are none of, each once. The guest can
/// have any number of them made: so the list is short, and when it is full no more packets are taken
/// (5.10.6.1: processing stops until the other side takes what is for it).
class ResetList {
 public:
  static constexpr std::size_t kMax = 64;

  struct Entry {
    Ports ports;
    /// As it was in what is answered.
    std::uint16_t type = 0;

    constexpr bool operator==(const Entry&) const noexcept = default;
  };

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] bool full() const noexcept { return count_ == kMax; }
  /// Not when full().
  void add(const Entry& entry) noexcept {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count_);
    if (std::find(entries_.begin(), end, entry) == end) {
      entries_.at(count_++) = entry;
    }
  }
  /// The last one added goes first: their order means nothing. Not when empty().
  [[nodiscard]] Entry take() noexcept { return entries_.at(--count_); }
  void clear() noexcept { count_ = 0; }

 private:
  std::array<Entry, kMax> entries_{};
  std::size_t count_ = 0;
};

}  // namespace mayfly::vsock
