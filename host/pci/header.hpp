// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Offsets of a type 0 header's registers, in bytes. Source: PCI 3.0, figure 6-1.
namespace mayfly::pci::header {

inline constexpr std::size_t kVendor = 0x00;
inline constexpr std::size_t kDevice = 0x02;
inline constexpr std::size_t kCommand = 0x04;
inline constexpr std::size_t kStatus = 0x06;
inline constexpr std::size_t kRevisionAndClass = 0x08;
inline constexpr std::size_t kLatencyTimer = 0x0d;
inline constexpr std::size_t kBar0 = 0x10;
inline constexpr std::size_t kSubsystemVendor = 0x2c;
inline constexpr std::size_t kSubsystem = 0x2e;
inline constexpr std::size_t kCapabilities = 0x34;
inline constexpr std::size_t kInterruptLine = 0x3c;
inline constexpr std::size_t kInterruptPin = 0x3d;
/// Capabilities follow.
inline constexpr std::size_t kEnd = 0x40;

/// In the status register's low byte: there are capabilities.
inline constexpr std::byte kStatusHasList{0x10};

}  // namespace mayfly::pci::header
