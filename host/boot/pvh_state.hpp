// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "memory/guest_address.hpp"

namespace mayfly::boot {

/// A segment register as the processor has it cached: no descriptor table is behind it. Fields as in
/// kvm_segment.
struct PvhSegment {
  std::uint64_t base;
  std::uint32_t limit;
  std::uint16_t selector;
  std::uint8_t type;
  std::uint8_t present;
  std::uint8_t dpl;
  std::uint8_t db;
  std::uint8_t s;
  std::uint8_t l;
  std::uint8_t g;
};

/// The boot processor at the PVH entry point: 32-bit protected mode, flat segments, no paging. General
/// registers that are not named are 0; the guest loads its own GDT and IDT before it needs one.
///
/// Source: Xen, docs/misc/pvh.pandoc; Linux, arch/x86/platform/pvh/head.S.
struct PvhState {
  std::uint64_t rip;
  /// Physical address of the start info.
  std::uint64_t rbx;
  /// IF, TF and VM clear; bit 1 is always set.
  std::uint64_t rflags = 0x2;
  /// PE, and ET, which cannot be cleared.
  std::uint64_t cr0 = 0x11;
  std::uint64_t cr4 = 0;
  std::uint64_t efer = 0;
  /// Execute and read, accessed.
  PvhSegment cs = {.base = 0,
                   .limit = 0xffffffff,
                   .selector = 0x8,
                   .type = 0xb,
                   .present = 1,
                   .dpl = 0,
                   .db = 1,
                   .s = 1,
                   .l = 0,
                   .g = 1};
  /// Read and write, accessed: ds, es, ss, and fs and gs too.
  PvhSegment data = {.base = 0,
                     .limit = 0xffffffff,
                     .selector = 0x10,
                     .type = 0x3,
                     .present = 1,
                     .dpl = 0,
                     .db = 1,
                     .s = 1,
                     .l = 0,
                     .g = 1};
  /// A busy 32-bit TSS: VMX wants one even where nothing uses it (SDM 3C, 27.3.1.2).
  PvhSegment tr = {.base = 0,
                   .limit = 0x67,
                   .selector = 0x18,
                   .type = 0xb,
                   .present = 1,
                   .dpl = 0,
                   .db = 0,
                   .s = 0,
                   .l = 0,
                   .g = 0};
};

/// The state for a kernel entered at `entry` with its start info at `start_info`, both below 4 GiB.
[[nodiscard]] constexpr PvhState pvh_state(GuestAddress entry, GuestAddress start_info) noexcept {
  return {.rip = entry.raw(), .rbx = start_info.raw()};
}

}  // namespace mayfly::boot
