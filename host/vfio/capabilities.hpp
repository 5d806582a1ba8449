// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace mayfly::vfio {

/// One entry of a function's capability lists.
struct Capability {
  std::uint16_t id = 0;
  std::uint16_t offset = 0;
  /// Up to the next one in memory, or the end of the space: it has no more bytes, whatever it says.
  std::uint16_t room = 0;
};

// Capability IDs (PCI Code and ID Assignment, 2), of those that are treated specially.
inline constexpr std::uint16_t kCapPower = 0x01;
inline constexpr std::uint16_t kCapMsi = 0x05;
inline constexpr std::uint16_t kCapVendor = 0x09;
inline constexpr std::uint16_t kCapExpress = 0x10;
inline constexpr std::uint16_t kCapMsix = 0x11;
// Extended capability IDs.
inline constexpr std::uint16_t kExtVendor = 0x000b;
inline constexpr std::uint16_t kExtSerialNumber = 0x0003;

/// The capabilities of a configuration space (PCI 3.0, 6.7) in the order of the list. `config` is foreign: a
/// link that leads out of the space, into the header or to where the walk has been ends it.
[[nodiscard]] std::vector<Capability> walk_capabilities(std::span<const std::byte> config);
/// The same for the extended list, from offset 0x100 on (PCI Express 3.0, 7.9.1); empty when `config` ends
/// there. `before`, when it is not empty, is called with each offset before the entry there is looked at.
[[nodiscard]] std::vector<Capability> walk_extended(std::span<const std::byte> config,
                                                    const std::function<void(std::size_t)>& before = {});

}  // namespace mayfly::vfio
