// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "base/mapping.hpp"
#include "pci/pci_device.hpp"
#include "pci/viewer.hpp"

namespace mayfly::pci {

/// The configuration space of the bus's first slots as memory, 4 KiB a function as ECAM has it (PCI Express
/// 3.0, 7.2.2). Mapped read-only into the guest it answers reads without an exit; writes still come as exits
/// and are followed by refresh(). A boot of Linux reads some 170 registers a device.
///
/// Its owner serializes the calls; the guest reads at any time.
class ConfigView {
 public:
  /// All ones, as where no device is; `viewer` must outlive this. Throws Error when there is no memory.
  ConfigView(std::size_t slots, Viewer& viewer);

  /// Shows what the device in `slot` says now. A device whose reads have become live ends the view for good.
  void refresh(std::size_t slot, PciDevice& device) noexcept;

  /// From the first function of the first slot to the only function of the last.
  [[nodiscard]] std::span<std::byte> pages() const noexcept { return pages_.bytes(); }

 private:
  Mapping pages_;
  Viewer& viewer_;
  bool shown_ = true;
};

}  // namespace mayfly::pci
