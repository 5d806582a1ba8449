// SPDX-License-Identifier: Apache-2.0
#include "acpi/dsdt.hpp"

#include <array>
#include <vector>

#include "acpi/resource_template.hpp"

namespace mayfly::acpi {
namespace {

// The PCI Express root. _PRT only where a function has an interrupt line: ours have none. No _OSC: the
// platform keeps hot plug and AER.
void pci_root(Aml& aml, const AcpiInputs& inputs) {
  ResourceTemplate windows;
  windows.bus_numbers(0, 0);
  windows.io_window(inputs.io_first, inputs.io_last);
  windows.memory_window(inputs.mmio_32);
  if (inputs.mmio_64.bytes > 0) {
    windows.memory_window(inputs.mmio_64);
  }
  aml.device("PCI0", [&] {
    aml.name_eisa_id("_HID", "PNP0A08");
    aml.name_eisa_id("_CID", "PNP0A03");
    aml.name_buffer("_CRS", windows.finish());
    if (!inputs.intx.empty()) {
      std::vector<std::array<std::uint64_t, 4>> routes;
      for (const InterruptRoute& route : inputs.intx) {
        // 6.2.13: slot and any function, INTA, a GSI and no link device.
        routes.push_back({std::uint64_t{route.slot} << 16U | 0xffffU, 0, 0, route.pin});
      }
      aml.name_packages("_PRT", routes);
    }
  });
}

// Motherboard resources. Linux looks here first before it believes MCFG (arch/x86/pci/mmconfig-shared.c,
// is_acpi_reserved).
void ecam_reservation(Aml& aml, const AcpiInputs& inputs) {
  ResourceTemplate window;
  window.fixed_memory({inputs.ecam, kEcamBytes});
  aml.device("ECAM", [&] {
    aml.name_eisa_id("_HID", "PNP0C02");
    aml.name_buffer("_CRS", window.finish());
  });
}

void pvpanic(Aml& aml, const AcpiInputs& inputs) {
  ResourceTemplate port;
  port.ports(inputs.ports.pvpanic, 1);
  aml.device("PEVT", [&] {
    aml.name_string("_HID", "QEMU0001");
    aml.name_integer("_STA", 0x0b);  // present, enabled, functioning, not shown
    aml.name_buffer("_CRS", port.finish());
  });
}

}  // namespace

Aml build_dsdt(const AcpiInputs& inputs) {
  Aml aml;
  aml.scope("_SB_", [&] {
    pci_root(aml, inputs);
    ecam_reservation(aml, inputs);
    pvpanic(aml, inputs);
  });
  aml.name_package("_S5_", {kSleepTypeOff, 0});
  return aml;
}

}  // namespace mayfly::acpi
