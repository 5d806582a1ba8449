// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kvm/vm.hpp"
#include "pci/viewer.hpp"

namespace mayfly::vmm {

/// What the guest reads of PCI devices as memory of the guest, and its writes that are events of the host's
/// kernel, until both must come to the devices again.
class ViewSlots final : public pci::Viewer {
 public:
  /// Takes KVM's memory slots from `first` on. `vm` outlives this.
  ViewSlots(kvm::Vm& vm, std::uint32_t first) noexcept : vm_(vm), first_(first) {}

  /// Before the first vCPU runs. Throws Error.
  void show(std::uint64_t address, std::span<std::byte> pages);
  /// Writes to `address`, of any size, are events of `event` and no exits. Before the first vCPU runs. Throws
  /// Error.
  void ring(std::uint64_t address, int event);
  /// Any thread.
  void hide() noexcept override;

 private:
  kvm::Vm& vm_;
  std::uint32_t first_;
  std::uint32_t shown_ = 0;
  struct Bell {
    std::uint64_t address;
    int event;
  };
  std::vector<Bell> bells_;
  std::atomic<bool> hidden_ = false;
};

}  // namespace mayfly::vmm
