// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kvm/vm.hpp"
#include "pci/viewer.hpp"

namespace mayfly::vmm {

/// What the guest reads of PCI devices as memory of the guest, until it must come from the devices again.
class ViewSlots final : public pci::Viewer {
 public:
  /// Takes KVM's memory slots from `first` on. `vm` outlives this.
  ViewSlots(kvm::Vm& vm, std::uint32_t first) noexcept : vm_(vm), first_(first) {}

  /// Before the first vCPU runs. Throws Error.
  void show(std::uint64_t address, std::span<std::byte> pages);
  /// Any thread.
  void hide() noexcept override;

 private:
  kvm::Vm& vm_;
  std::uint32_t first_;
  std::uint32_t shown_ = 0;
  std::atomic<bool> hidden_ = false;
};

}  // namespace mayfly::vmm
