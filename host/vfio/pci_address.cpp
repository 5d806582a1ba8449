// SPDX-License-Identifier: Apache-2.0
#include "vfio/pci_address.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace mayfly::vfio {
namespace {

/// Exactly `digits` hexadecimal digits and then `end`, taken off the front of `text`.
std::optional<std::uint32_t> take(std::string_view& text, std::size_t digits, std::string_view end) noexcept {
  std::uint32_t value = 0;
  if (text.size() < digits || text.substr(digits, end.size()) != end) {
    return std::nullopt;
  }
  const char* const stop = text.data() + digits;
  const auto [last, error] = std::from_chars(text.data(), stop, value, 16);
  if (error != std::errc() || last != stop) {
    return std::nullopt;
  }
  text.remove_prefix(digits + end.size());
  return value;
}

}  // namespace

std::optional<PciAddress> parse_pci_address(std::string_view text) noexcept {
  constexpr std::size_t kWithoutDomain = 7;  // "01:00.0"
  std::uint32_t domain = 0;
  if (text.size() > kWithoutDomain) {
    // Four digits, or up to eight where a virtual root needs them.
    const auto given = take(text, text.find(':') == std::string_view::npos ? 0 : text.find(':'), ":");
    if (!given.has_value()) {
      return std::nullopt;
    }
    domain = *given;
  }
  const auto bus = take(text, 2, ":");
  const auto device = bus.has_value() ? take(text, 2, ".") : std::nullopt;
  const auto function = device.has_value() ? take(text, 1, "") : std::nullopt;
  if (!function.has_value() || !text.empty() || *device > 0x1f || *function > 7) {
    return std::nullopt;
  }
  return PciAddress{domain, static_cast<std::uint8_t>(*bus), static_cast<std::uint8_t>(*device),
                    static_cast<std::uint8_t>(*function)};
}

std::string to_string(const PciAddress& address) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", address.domain, address.bus, address.device,
                address.function);
  return text.data();
}

}  // namespace mayfly::vfio
