// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace mayfly::pci {

/// How wide a BAR's address is, and so which window it is placed in (PCI 3.0, 6.2.5.1).
enum class BarWidth : std::uint8_t { k32, k64 };

/// What a function decodes at one base address register. A 64-bit BAR takes its register and the next one.
struct Bar {
  /// A power of two from 16 on; 0 when the register is not implemented.
  std::uint64_t bytes = 0;
  BarWidth width = BarWidth::k32;
};

inline constexpr std::size_t kBarsMax = 6;

}  // namespace mayfly::pci
