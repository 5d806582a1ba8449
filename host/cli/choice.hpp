// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/refuse.hpp"

namespace mayfly::cli {

/// One word of an option, and what it stands for.
template <typename Meaning>
using Choice = std::pair<std::string_view, Meaning>;

/// What `word` stands for; nothing: it is none of them.
template <typename Meaning, std::size_t kCount>
[[nodiscard]] std::optional<Meaning> find_choice(std::string_view word,
                                                 const Choice<Meaning> (&choices)[kCount]) noexcept {
  for (const auto& [name, meaning] : choices) {
    if (word == name) {
      return meaning;
    }
  }
  return std::nullopt;
}

/// What the word given to `option` stands for. Throws Error that says `mend`: it is none of them.
template <typename Meaning, std::size_t kCount>
[[nodiscard]] Meaning choose(std::string_view option, std::string_view word,
                             const Choice<Meaning> (&choices)[kCount], std::string_view mend) {
  if (const auto meaning = find_choice(word, choices)) {
    return *meaning;
  }
  refuse(option, word, mend);
}

}  // namespace mayfly::cli
