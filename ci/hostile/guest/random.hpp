// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hostile {

/// The numbers that an attack is made of: the same seed gives the same ones (splitmix64). Nothing that is
/// read from the machine goes into how many are drawn, so a vCPU's sequence is its seed's alone.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31U;
  }

  /// From 0 to `bound` - 1.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((next() & 0xffffffffU) * bound >> 32U);
  }

  [[nodiscard]] bool one_in(std::uint32_t many) noexcept { return below(many) == 0; }

  template <typename Value, unsigned kCount>
  [[nodiscard]] Value of(const Value (&values)[kCount]) noexcept {
    return values[below(kCount)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace hostile
