// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mayfly::cli {

/// "512M" as bytes: digits, then nothing (bytes) or K, M, G, T or KiB, MiB, GiB, TiB, all powers of 1024.
/// Nothing when it is not that or does not fit. KB and MB are not taken: half the world means 1000 by them.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;

/// "500ms" as nanoseconds: digits, then ms, s, m or h. Nothing when it is not that or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text) noexcept;

/// The text up to the next comma, taken off the front with it; all of it where there is none.
[[nodiscard]] std::string_view take_part(std::string_view& rest) noexcept;

/// A part of an option's value that is KEY=VALUE.
struct Setting {
  std::string_view key;
  std::string_view value;  ///< Empty where there is no '='.
};
/// As take_part(), split at the first '='.
[[nodiscard]] Setting take_setting(std::string_view& rest) noexcept;

/// The number of a descriptor that the caller has left open, beyond stdio. Nothing when it is not that.
[[nodiscard]] std::optional<int> parse_descriptor(std::string_view text) noexcept;

/// Digits only. Nothing when it is not that or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;

}  // namespace mayfly::cli
