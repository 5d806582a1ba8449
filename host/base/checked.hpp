// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

namespace mayfly {

/// a + b, or nothing when it does not fit.
template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) noexcept {
  T sum{};
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}

/// a * b, or nothing when it does not fit.
template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_multiply(T a, T b) noexcept {
  T product{};
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

/// The next multiple of `alignment`, a power of two; `value` must be at most 2^64 - alignment.
[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) noexcept {
  return (value + alignment - 1) & ~(alignment - 1);
}

inline constexpr std::uint64_t kKiB = 1ULL << 10U;
inline constexpr std::uint64_t kMiB = 1ULL << 20U;
inline constexpr std::uint64_t kGiB = 1ULL << 30U;
inline constexpr std::uint64_t kTiB = 1ULL << 40U;

}  // namespace mayfly
