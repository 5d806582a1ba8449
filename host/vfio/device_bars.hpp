// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pci/bar.hpp"
#include "pci/config_space.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// The device's configuration space, 256 bytes or 4096, as far as a ConfigFilter looks at it: of the extended
/// space the list of capabilities and those that are shown, zero for the rest. Each four bytes are an access
/// to the device, and take it a microsecond. Throws Error, naming the device, when it cannot be read.
[[nodiscard]] std::vector<std::byte> read_config_space(DeviceAccess& device, const std::string& name);

/// The device's memory BARs, as the bus wants them: sizes by VFIO, widths by `config`, which is foreign. I/O
/// BARs are left out. Throws Error, naming the device, where the two make no sense together.
[[nodiscard]] std::array<pci::Bar, pci::kBarsMax> read_bars(const DeviceAccess& device,
                                                            std::span<const std::byte> config,
                                                            const std::string& name);

/// Where the device has its MSI-X table and pending bits (PCI 3.0, 6.8.2).
struct MsixPlace {
  std::uint32_t vectors = 0;
  std::uint8_t table_bar = 0;
  std::uint8_t pba_bar = 0;
  std::uint64_t table = 0;
  std::uint64_t pba = 0;
};
/// From the capability at `at`. A BAR number that cannot be is one that no access has.
[[nodiscard]] MsixPlace msix_place(const pci::ConfigSpace& space, std::uint8_t at) noexcept;

}  // namespace mayfly::vfio
