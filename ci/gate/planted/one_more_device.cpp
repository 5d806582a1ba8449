// SPDX-License-Identifier: Apache-2.0
//
// A planted regression: linked into a mayfly of its own, with --wrap, so that the first device put on the PCI
// bus brings another one along, of the plainest kind. The product has nothing of this.
#include <memory>

#include "pci/host_bridge.hpp"
#include "pci/root.hpp"

namespace mayfly::pci {

using Device = std::unique_ptr<PciDevice>;

std::size_t real_add(Root* root, Device device) asm(
    "__real__ZN6mayfly3pci4Root3addESt10unique_ptrINS0_9PciDeviceESt14default_deleteIS3_EE");
[[gnu::used]] std::size_t wrapped_add(Root* root, Device device) asm(
    "__wrap__ZN6mayfly3pci4Root3addESt10unique_ptrINS0_9PciDeviceESt14default_deleteIS3_EE");

std::size_t wrapped_add(Root* root, Device device) {
  const std::size_t slot = real_add(root, std::move(device));
  static bool added = false;
  if (!added) {
    added = true;
    real_add(root, std::make_unique<HostBridge>());
  }
  return slot;
}

}  // namespace mayfly::pci
