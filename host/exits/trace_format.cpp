// SPDX-License-Identifier: Apache-2.0
#include "exits/trace_format.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mayfly::exits {
namespace {

/// The next line, taken off the text.
std::string_view take_line(std::string_view& text) noexcept {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// The number after `key` in a line, such as 8 of "offset:8;".
std::optional<std::uint16_t> number_after(std::string_view line, std::string_view key) noexcept {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  line.remove_prefix(at + key.size());
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

/// The name that "field:unsigned int exit_reason;" declares; empty when it declares none.
std::string_view declared_name(std::string_view line) noexcept {
  constexpr std::string_view kField = "field:";
  const std::size_t begin = line.find(kField);
  if (begin == std::string_view::npos) {
    return {};
  }
  line.remove_prefix(begin + kField.size());
  const std::string_view declaration = line.substr(0, line.find(';'));
  const std::size_t blank = declaration.rfind(' ');
  return blank == std::string_view::npos ? std::string_view() : declaration.substr(blank + 1);
}

bool is_number(std::uint16_t bytes) noexcept { return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8; }

}  // namespace

std::optional<std::uint16_t> event_id(std::string_view format) noexcept {
  while (!format.empty()) {
    if (const std::string_view line = take_line(format); line.starts_with("ID: ")) {
      return number_after(line, "ID: ");
    }
  }
  return std::nullopt;
}

std::optional<TraceField> find_field(std::string_view format, std::string_view name) noexcept {
  while (!format.empty()) {
    const std::string_view line = take_line(format);
    if (declared_name(line) != name) {
      continue;
    }
    const auto offset = number_after(line, "\toffset:");
    const auto bytes = number_after(line, "\tsize:");
    if (!offset.has_value() || !bytes.has_value() || !is_number(*bytes)) {
      return std::nullopt;
    }
    return TraceField{*offset, static_cast<std::uint8_t>(*bytes)};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> load(std::span<const std::byte> record, TraceField field) noexcept {
  std::uint64_t value = 0;
  if (field.bytes > sizeof(value) || record.size() < std::size_t{field.offset} + field.bytes) {
    return std::nullopt;
  }
  // x86 is little-endian: the low bytes come first.
  std::memcpy(&value, record.data() + field.offset, field.bytes);
  return value;
}

}  // namespace mayfly::exits
