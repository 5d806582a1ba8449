// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acpi/acpi_inputs.hpp"
#include "acpi/aml.hpp"

namespace mayfly::acpi {

/// The definition block of the DSDT, without its header: PCI root with its windows, the ECAM reservation,
/// pvpanic and S5. Names and buffers only, no methods: the guest's interpreter runs nothing.
[[nodiscard]] Aml build_dsdt(const AcpiInputs& inputs);

}  // namespace mayfly::acpi
