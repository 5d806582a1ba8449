// SPDX-License-Identifier: Apache-2.0
#include "cli/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

#include "base/checked.hpp"

namespace mayfly::cli {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr Unit kByteUnits[] = {{"", 1},       {"K", kKiB},   {"M", kMiB},   {"G", kGiB},  {"T", kTiB},
                               {"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}, {"TiB", kTiB}};
constexpr Unit kTimeUnits[] = {
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
constexpr Unit kNoUnits[] = {{"", 1}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.suffix == suffix) {
      return checked_multiply(number, unit.factor);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept { return parse(text, kByteUnits); }

std::optional<std::uint64_t> parse_duration(std::string_view text) noexcept {
  return parse(text, kTimeUnits);
}

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept { return parse(text, kNoUnits); }

std::string_view take_part(std::string_view& rest) noexcept {
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view part = rest.substr(0, comma);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return part;
}

Setting take_setting(std::string_view& rest) noexcept {
  const std::string_view part = take_part(rest);
  const std::size_t equals = std::min(part.find('='), part.size());
  return {part.substr(0, equals), part.substr(std::min(equals + 1, part.size()))};
}

std::optional<int> parse_descriptor(std::string_view text) noexcept {
  constexpr std::uint64_t kFirst = 3;
  const auto number = parse_count(text);
  return number.has_value() && *number >= kFirst && *number <= std::numeric_limits<int>::max()
             ? std::optional(static_cast<int>(*number))
             : std::nullopt;
}

}  // namespace mayfly::cli
