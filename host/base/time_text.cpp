// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.hpp"

#include <chrono>

namespace mayfly {
namespace {

/// The last `digits` of a number, zeros included.
std::string padded(std::uint64_t number, unsigned digits) {
  std::string text(digits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number /= 10) {
    *digit = static_cast<char>('0' + number % 10);
  }
  return text;
}

}  // namespace

std::string time_text(std::uint64_t ns, unsigned digits) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kDay = 86'400;
  constexpr unsigned kDigits = 9;
  const std::uint64_t seconds = ns / kSecond;
  const std::chrono::year_month_day date(
      std::chrono::sys_days(std::chrono::days(static_cast<std::int32_t>(seconds / kDay))));
  const auto part = [](std::uint64_t number, unsigned width, char before) {
    return before + padded(number, width);
  };
  return padded(static_cast<std::uint64_t>(static_cast<int>(date.year())), 4) +
         part(static_cast<unsigned>(date.month()), 2, '-') + part(static_cast<unsigned>(date.day()), 2, '-') +
         part(seconds % kDay / 3600, 2, 'T') + part(seconds / 60 % 60, 2, ':') + part(seconds % 60, 2, ':') +
         "." + padded(ns % kSecond, kDigits).substr(0, digits) + "Z";
}

}  // namespace mayfly
