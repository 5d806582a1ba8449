// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "memory/guest_address.hpp"

namespace mayfly::acpi {

/// SLP_TYP of soft off (S5), as the DSDT names it.
inline constexpr std::uint8_t kSleepTypeOff = 5;
/// What the guest writes to the sleep control register to power off: SLP_TYP in bits 4:2, SLP_EN in bit 5
/// (ACPI 6.5, 4.8.3.7).
inline constexpr std::uint8_t kPowerOffValue = kSleepTypeOff << 2U | 1U << 5U;
/// What the guest writes to the reset register.
inline constexpr std::uint8_t kResetValue = 1;

/// I/O ports of one byte each that the tables name; vmm answers them.
struct PowerPorts {
  std::uint16_t reset = 0x600;
  std::uint16_t sleep_control = 0x601;
  std::uint16_t sleep_status = 0x602;
  std::uint16_t pvpanic = 0x505;
};

/// INTA of the function in one slot of the bus, level-triggered, on a pin of the I/O APIC.
struct InterruptRoute {
  std::uint16_t slot = 0;
  std::uint32_t pin = 0;
};

/// A range of RAM, and the guest's NUMA node that it is of.
struct NodeRange {
  GuestRange range;
  std::uint32_t node = 0;
};

/// The guest's NUMA nodes. Empty: memory is one to all processors.
struct NodeInputs {
  std::span<const NodeRange> memory;
  /// The node of each vCPU, as apic_ids has them.
  std::span<const std::uint32_t> cpu_nodes;
  /// From each node to each, one row after the other; 10 to itself (ACPI 6.5, 5.2.17).
  std::span<const std::uint8_t> distances;
};

/// All that the tables say about the machine.
struct AcpiInputs {
  /// One per vCPU, the boot processor first; below 255.
  std::span<const std::uint32_t> apic_ids;
  std::uint32_t local_apic_address = 0xfee00000;
  std::uint32_t io_apic_address = 0xfec00000;
  std::uint8_t io_apic_id = 0;
  /// Configuration space of PCI bus 0, 1 MiB, below 4 GiB.
  GuestAddress ecam;
  /// Where BARs may go: below 4 GiB, and above (none when empty). Aligned to 4 KiB.
  GuestRange mmio_32;
  GuestRange mmio_64;
  /// Ports that BARs may take: clear of ours and of 0xCF8 to 0xCFF.
  std::uint16_t io_first = 0x1000;
  std::uint16_t io_last = 0xffff;
  /// The functions that have an INTx; without any there is no I/O APIC either.
  std::span<const InterruptRoute> intx;
  NodeInputs nodes;
  PowerPorts ports;
};

/// Bytes of the configuration space window: one bus.
inline constexpr std::uint64_t kEcamBytes = 1U << 20U;

}  // namespace mayfly::acpi
