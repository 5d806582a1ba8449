// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>

namespace mayfly {

/// Of ASCII, and no control character.
[[nodiscard]] constexpr bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

/// Foreign bytes as what may go to a terminal or a log: '?' for each that is not printable.
[[nodiscard]] inline std::string as_printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return !is_printable(c); }, '?');
  return text;
}

}  // namespace mayfly
