// SPDX-License-Identifier: Apache-2.0
#include "guest-init/module_list.hpp"

namespace mayfly::init {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// substr() may throw, which would want a runtime.
[[nodiscard]] std::string_view first(std::string_view text, std::size_t bytes) noexcept {
  return {text.data(), bytes < text.size() ? bytes : text.size()};
}

[[nodiscard]] bool is_same_name(std::string_view one, std::string_view other) noexcept {
  if (one.size() != other.size()) {
    return false;
  }
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (plain(one[i]) != plain(other[i])) {
      return false;
    }
  }
  return true;
}

// Of `kernel/drivers/nvme/host/nvme.ko`, however it is compressed, `nvme`.
[[nodiscard]] std::string_view name_of(std::string_view file) noexcept {
  if (const std::size_t slash = file.rfind('/'); slash != std::string_view::npos) {
    file.remove_prefix(slash + 1);
  }
  return first(file, file.find('.'));
}

}  // namespace

std::optional<ListedModule> find_module(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const std::size_t end = list.find('\n');
    const std::string_view line = first(list, end);
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && is_same_name(name_of(first(line, colon)), name)) {
      return ListedModule{.file = first(line, colon),
                          .needs = {line.data() + colon + 1, line.size() - colon - 1}};
    }
  }
  return std::nullopt;
}

std::string_view take_last_word(std::string_view& words) noexcept {
  const std::size_t last = words.find_last_not_of(kBlanks);
  words = first(words, last == std::string_view::npos ? 0 : last + 1);
  const std::size_t blank = words.find_last_of(kBlanks);
  const std::size_t begin = blank == std::string_view::npos ? 0 : blank + 1;
  const std::string_view word(words.data() + begin, words.size() - begin);
  words = first(words, begin);
  return word;
}

}  // namespace mayfly::init
