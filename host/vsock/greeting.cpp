// SPDX-License-Identifier: Apache-2.0
#include "vsock/greeting.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace mayfly::vsock {
namespace {

constexpr std::string_view kConnect = "CONNECT ";

/// The port of a line without its line feed.
std::optional<std::uint32_t> port_of(std::string_view line) noexcept {
  if (!line.starts_with(kConnect)) {
    return std::nullopt;
  }
  const std::string_view digits = line.substr(kConnect.size());
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(port) : std::nullopt;
}

}  // namespace

std::size_t Greeting::take(std::span<const std::byte> bytes) noexcept {
  std::size_t taken = 0;
  while (state_ == State::kMore && taken < bytes.size()) {
    const auto character = static_cast<char>(bytes[taken++]);
    if (character == '\n') {
      const auto port = port_of({line_.data(), size_});
      port_ = port.value_or(0);
      state_ = port ? State::kWhole : State::kWrong;
    } else if (room() == 1) {
      state_ = State::kWrong;  // That place is the line feed's.
    } else {
      line_.at(size_++) = character;
    }
  }
  return taken;
}

std::string welcome(std::uint32_t host_port) { return "OK " + std::to_string(host_port) + "\n"; }

}  // namespace mayfly::vsock
