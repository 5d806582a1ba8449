// SPDX-License-Identifier: Apache-2.0
#include "doctor/recorded_text.hpp"

#include <algorithm>
#include <charconv>

namespace mayfly::doctor {

std::optional<std::uint64_t> number_in(std::optional<std::string_view> text, int base) noexcept {
  std::string_view digits = text.value_or(std::string_view());
  if (base == 16 && digits.starts_with("0x")) {
    digits.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  return error == std::errc{} && stop == end && !digits.empty() ? std::optional(value) : std::nullopt;
}

Switch switch_in(std::optional<std::string_view> text) noexcept {
  if (text == "Y" || text == "N") {
    return text == "Y";
  }
  if (const auto number = number_in(text)) {
    return *number != 0;
  }
  return std::nullopt;
}

std::string_view chosen_in(std::optional<std::string_view> text) noexcept {
  const std::string_view words = text.value_or(std::string_view());
  const std::size_t begin = words.find('[');
  const std::size_t end = words.find(']');
  return begin == std::string_view::npos || end == std::string_view::npos || end < begin
             ? std::string_view()
             : words.substr(begin + 1, end - begin - 1);
}

std::optional<std::string_view> field_of(std::string_view lines, std::string_view name) noexcept {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !line.starts_with(name) ||
        line.substr(name.size(), colon - name.size()).find_first_not_of(" \t") != std::string_view::npos) {
      continue;
    }
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> own_cgroup_in(std::string_view lines) noexcept {
  const auto groups = field_of(lines, "0");
  return groups.has_value() && groups->starts_with(':') ? std::optional(groups->substr(1)) : std::nullopt;
}

}  // namespace mayfly::doctor
