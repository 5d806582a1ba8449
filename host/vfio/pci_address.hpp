// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::vfio {

/// Where a PCI function sits in the host.
struct PciAddress {
  std::uint32_t domain = 0;
  std::uint8_t bus = 0;
  std::uint8_t device = 0;
  std::uint8_t function = 0;
  // As in GuestAddress. NOLINTNEXTLINE(modernize-use-nullptr)
  friend constexpr auto operator<=>(const PciAddress&, const PciAddress&) noexcept = default;
};

/// "0000:01:00.0", as /sys and lspci -D write it; the domain may be left out ("01:00.0"). Nothing for any
/// other text.
[[nodiscard]] std::optional<PciAddress> parse_pci_address(std::string_view text) noexcept;
/// With its domain, as /sys/bus/pci/devices names it.
[[nodiscard]] std::string to_string(const PciAddress& address);

}  // namespace mayfly::vfio
