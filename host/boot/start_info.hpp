// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::boot {

// Below 1 MiB, as boot uses it:
//
//     0x06000   start info, then the memory map       one page
//     0x07000   kernel command line                   one page
//     0xa0000   legacy hole: not in the memory map as RAM, though there is RAM behind it
//     0xe0000   ACPI tables (acpi/)                   in the hole
//    0x100000   RAM for the kernel

inline constexpr GuestAddress kStartInfoAt{0x6000};
inline constexpr GuestAddress kCommandLineAt{0x7000};
/// Start info, memory map and command line: nothing else may be put here before the first entry.
inline constexpr GuestRange kBootData{kStartInfoAt, 0x2000};
/// PC legacy hole, [640 KiB, 1 MiB).
inline constexpr GuestRange kLegacyHole{GuestAddress{0xa0000}, 0x60000};
/// Linux's COMMAND_LINE_SIZE on x86, the final NUL included.
inline constexpr std::size_t kCommandLineBytesMax = 2048;

/// What a kernel entered by PVH is told.
struct StartInfoInputs {
  GuestAddress rsdp;
  /// ACPI tables in RAM: ACPI data in the memory map.
  GuestRange acpi;
  /// Not RAM and not to be given away: the ECAM window, which Linux trusts only when it is reserved. At
  /// most 8.
  std::span<const GuestRange> reserved;
  std::string_view command_line;
};

/// Writes start info, memory map and command line into guest memory. The map has all of memory.regions() but
/// the legacy hole; what devices bring (virtio-pmem) is not in it.
///
/// Throws Error when the command line is too long or has a NUL in it, or the guest has no RAM below 640 KiB.
/// Source: Xen, public/arch-x86/hvm/start_info.h, version 1.
void write_start_info(GuestMemory& memory, const StartInfoInputs& inputs);

}  // namespace mayfly::boot
