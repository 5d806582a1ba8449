// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace mayfly {

/// True when `word` stands between blanks in `line`. Any thread.
[[nodiscard]] inline bool has_word(std::string_view line, std::string_view word) noexcept {
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || line[at - 1] == ' ') && (end == line.size() || line[end] == ' ')) {
      return true;
    }
  }
  return false;
}

}  // namespace mayfly
