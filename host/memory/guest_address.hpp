// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/checked.hpp"

namespace mayfly {

/// A guest physical address, in bytes.
class GuestAddress {
 public:
  constexpr GuestAddress() noexcept = default;
  constexpr explicit GuestAddress(std::uint64_t raw) noexcept : raw_(raw) {}
  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
  // clang-tidy 14 takes the comparison with a literal 0 that the compiler writes here for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend constexpr auto operator<=>(GuestAddress, GuestAddress) noexcept = default;

  /// The address `bytes` further on, or nothing when it does not fit in 64 bits.
  [[nodiscard]] constexpr std::optional<GuestAddress> plus(std::uint64_t bytes) const noexcept {
    const auto sum = checked_add(raw_, bytes);
    return sum.has_value() ? std::optional(GuestAddress(*sum)) : std::nullopt;
  }

 private:
  std::uint64_t raw_ = 0;
};

/// [start, start + bytes), both as the guest may have given them: the end can overflow.
struct GuestRange {
  GuestAddress start;
  std::uint64_t bytes = 0;

  /// True when `address` lies inside.
  [[nodiscard]] constexpr bool contains(GuestAddress address) const noexcept {
    return address >= start && address.raw() - start.raw() < bytes;
  }
  friend constexpr bool operator==(const GuestRange&, const GuestRange&) noexcept = default;
};

}  // namespace mayfly
