// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// ACPI tables as they lie in memory (ACPI 6.5; offsets of the specification). Packed: the FADT's 64-bit
/// fields are not aligned.
namespace mayfly::acpi {

using Signature = std::array<char, 4>;

/// Root System Description Pointer (5.2.5.3), revision 2.
struct [[gnu::packed]] Rsdp {
  std::array<char, 8> signature;     // 0   "RSD PTR "
  std::uint8_t checksum;             // 8   over the first 20 bytes
  std::array<char, 6> oem_id;        // 9
  std::uint8_t revision;             // 15
  std::uint32_t rsdt_address;        // 16
  std::uint32_t length;              // 20
  std::uint64_t xsdt_address;        // 24
  std::uint8_t extended_checksum;    // 32  over all
  std::array<std::uint8_t, 3> zero;  // 33
};
static_assert(sizeof(Rsdp) == 36);

/// Head of every other table (5.2.6).
struct [[gnu::packed]] TableHeader {
  Signature signature;               // 0
  std::uint32_t length;              // 4
  std::uint8_t revision;             // 8
  std::uint8_t checksum;             // 9
  std::array<char, 6> oem_id;        // 10
  std::array<char, 8> oem_table_id;  // 16
  std::uint32_t oem_revision;        // 24
  std::array<char, 4> creator_id;    // 28
  std::uint32_t creator_revision;    // 32
};
static_assert(sizeof(TableHeader) == 36);

/// Generic Address Structure (5.2.3.2).
struct [[gnu::packed]] GenericAddress {
  std::uint8_t space;        // 0   1: system I/O
  std::uint8_t bits;         // 1
  std::uint8_t offset;       // 2
  std::uint8_t access_size;  // 3   1: byte
  std::uint64_t address;     // 4
};
static_assert(sizeof(GenericAddress) == 12);

/// Fixed ACPI Description Table (5.2.9), revision 6.5, after its header. What hardware-reduced machines leave
/// zero has no name here.
struct [[gnu::packed]] Fadt {
  std::array<std::uint8_t, 73> zero_36;   // 36
  std::uint16_t boot_flags;               // 109  IAPC_BOOT_ARCH (5.2.9.3)
  std::uint8_t zero_111;                  // 111
  std::uint32_t flags;                    // 112
  GenericAddress reset_register;          // 116
  std::uint8_t reset_value;               // 128
  std::uint16_t zero_129;                 // 129
  std::uint8_t minor_version;             // 131
  std::uint64_t facs_address;             // 132
  std::uint64_t dsdt_address;             // 140
  std::array<std::uint8_t, 96> zero_148;  // 148
  GenericAddress sleep_control;           // 244
  GenericAddress sleep_status;            // 256
  std::array<char, 8> hypervisor;         // 268
};
static_assert(sizeof(TableHeader) + sizeof(Fadt) == 276);
static_assert(sizeof(TableHeader) + offsetof(Fadt, dsdt_address) == 140);
static_assert(sizeof(TableHeader) + offsetof(Fadt, sleep_control) == 244);

/// Multiple APIC Description Table (5.2.12), after its header; entries follow.
struct [[gnu::packed]] Madt {
  std::uint32_t local_apic_address;  // 36
  std::uint32_t flags;               // 40  bit 0, PCAT_COMPAT: clear, there is no 8259
};
static_assert(sizeof(Madt) == 8);

/// Processor Local APIC (5.2.12.2).
struct [[gnu::packed]] MadtLocalApic {
  std::uint8_t type = 0;    // 0
  std::uint8_t length = 8;  // 1
  std::uint8_t uid;         // 2
  std::uint8_t apic_id;     // 3
  std::uint32_t flags = 1;  // 4   enabled
};
static_assert(sizeof(MadtLocalApic) == 8);

/// I/O APIC (5.2.12.3).
struct [[gnu::packed]] MadtIoApic {
  std::uint8_t type = 1;       // 0
  std::uint8_t length = 12;    // 1
  std::uint8_t id;             // 2
  std::uint8_t zero = 0;       // 3
  std::uint32_t address;       // 4
  std::uint32_t gsi_base = 0;  // 8
};
static_assert(sizeof(MadtIoApic) == 12);

/// System Resource Affinity Table (5.2.16), after its header.
struct [[gnu::packed]] Srat {
  std::uint32_t one_36 = 1;   // 36
  std::uint64_t zero_40 = 0;  // 40
};
static_assert(sizeof(Srat) == 12);

/// Processor Local APIC Affinity (5.2.16.1).
struct [[gnu::packed]] SratLocalApic {
  std::uint8_t type = 0;      // 0
  std::uint8_t length = 16;   // 1
  std::uint8_t node_low;      // 2
  std::uint8_t apic_id;       // 3
  std::uint32_t flags = 1;    // 4   enabled
  std::uint8_t zero_8 = 0;    // 8
  std::uint8_t zero_9[3]{};   // 9   of the node's number, bits 8 and above
  std::uint32_t zero_12 = 0;  // 12
};
static_assert(sizeof(SratLocalApic) == 16);

/// Memory Affinity (5.2.16.2).
struct [[gnu::packed]] SratMemory {
  std::uint8_t type = 1;      // 0
  std::uint8_t length = 40;   // 1
  std::uint32_t node;         // 2
  std::uint16_t zero_6 = 0;   // 6
  std::uint64_t base;         // 8
  std::uint64_t bytes;        // 16
  std::uint32_t zero_24 = 0;  // 24
  std::uint32_t flags = 1;    // 28  enabled
  std::uint64_t zero_32 = 0;  // 32
};
static_assert(sizeof(SratMemory) == 40);

/// PCI Express configuration space (PCI Firmware 3.2, table 4-3), after its header: one window.
struct [[gnu::packed]] Mcfg {
  std::uint64_t zero_36;   // 36
  std::uint64_t base;      // 44
  std::uint16_t segment;   // 52
  std::uint8_t first_bus;  // 54
  std::uint8_t last_bus;   // 55
  std::uint32_t zero_56;   // 56
};
static_assert(sizeof(TableHeader) + sizeof(Mcfg) == 60);

}  // namespace mayfly::acpi
