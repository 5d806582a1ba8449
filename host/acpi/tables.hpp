// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "acpi/acpi_inputs.hpp"
#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::acpi {

/// Where the tables go: in the legacy hole below 1 MiB, where firmware would have them.
inline constexpr GuestRange kTablesArea{GuestAddress{0xe0000}, 0x20000};

/// RSDP (at the front), XSDT, FADT, MADT, MCFG with exactly one bus, and DSDT as one block for address `at`.
///
/// Hardware-reduced: no PM timer, no fixed events, no legacy devices. Source: ACPI 6.5, chapter 5; PCI
/// Firmware 3.2, 4.1.2 (MCFG).
[[nodiscard]] std::vector<std::byte> build_tables(const AcpiInputs& inputs, GuestAddress at);

/// Builds the tables for kTablesArea and writes them there; what they take, the RSDP at its start. Throws
/// Error when the guest has no memory there.
[[nodiscard]] GuestRange write_tables(GuestMemory& memory, const AcpiInputs& inputs);

}  // namespace mayfly::acpi
