// SPDX-License-Identifier: Apache-2.0
#include "doctor/cpu_list.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace mayfly::doctor {
namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) noexcept {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number < kCpuNumbersMax ? std::optional(number)
                                                                        : std::nullopt;
}

}  // namespace

std::optional<CpuList> parse_cpu_list(std::string_view text) {
  CpuList list;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = parse_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(part.substr(dash + 1));
    // A final comma is no list; and no text grows into more than a list can hold.
    if (!first || !last || *last < *first || comma == text.size() - 1 || list.size() > kCpuNumbersMax) {
      return std::nullopt;
    }
    for (std::uint32_t number = *first; number <= *last; ++number) {
      list.push_back(number);
    }
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

std::string to_text(std::span<const std::uint32_t> list) {
  std::string text;
  for (std::size_t i = 0; i < list.size();) {
    std::size_t end = i + 1;
    while (end < list.size() && list[end] == list[end - 1] + 1) {
      ++end;
    }
    text += (text.empty() ? "" : ",") + std::to_string(list[i]);
    if (end - i > 1) {
      text += "-" + std::to_string(list[end - 1]);
    }
    i = end;
  }
  return text;
}

bool contains(const CpuList& list, std::uint32_t number) noexcept {
  return std::binary_search(list.begin(), list.end(), number);
}

CpuList difference(const CpuList& list, const CpuList& without) {
  CpuList rest;
  std::set_difference(list.begin(), list.end(), without.begin(), without.end(), std::back_inserter(rest));
  return rest;
}

}  // namespace mayfly::doctor
