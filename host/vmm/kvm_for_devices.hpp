// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "io/event_interrupts.hpp"
#include "kvm/irq_routes.hpp"
#include "kvm/vm.hpp"
#include "memory/guest_address.hpp"
#include "vfio/bar_windows.hpp"

namespace mayfly::vmm {

/// What passed-through devices need of KVM: interrupts that the kernel delivers, memory slots for their BARs.
class KvmForDevices {
 public:
  /// BARs may lie in `windows`, and nowhere else. `vm` has its irqchip, and outlives this. Throws Error.
  KvmForDevices(kvm::Vm& vm, const std::array<GuestRange, 2>& windows)
      : interrupts_(vm), slots_(vm, windows) {}

  [[nodiscard]] io::EventInterrupts& interrupts() noexcept { return interrupts_; }
  [[nodiscard]] vfio::GuestSlots& slots() noexcept { return slots_; }

 private:
  class Interrupts final : public io::EventInterrupts {
   public:
    explicit Interrupts(const kvm::Vm& vm) : routes_(vm) {}
    [[nodiscard]] std::uint32_t allocate(std::uint32_t count) override { return routes_.allocate(count); }
    [[nodiscard]] bool connect(std::uint32_t line, int event,
                               const io::MsiMessage& message) noexcept override;
    void disconnect(std::uint32_t line, int event) noexcept override { routes_.disconnect(line, event); }
    [[nodiscard]] bool connect_pin(std::uint32_t pin, int event, int ended) noexcept override;
    void disconnect_pin(std::uint32_t pin, int event) noexcept override { routes_.disconnect(pin, event); }

   private:
    kvm::IrqRoutes routes_;
  };

  class Slots final : public vfio::GuestSlots {
   public:
    Slots(kvm::Vm& vm, const std::array<GuestRange, 2>& windows) noexcept : vm_(vm), windows_(windows) {}
    [[nodiscard]] std::uint32_t allocate(std::uint32_t count) override;
    [[nodiscard]] bool fill(std::uint32_t slot, GuestAddress at,
                            std::span<std::byte> memory) noexcept override;
    [[nodiscard]] bool empty(std::uint32_t slot) noexcept override { return vm_.remove_memory(slot); }

   private:
    /// Below are RAM, the image, and what is read of our own devices.
    static constexpr std::uint32_t kFirst = 64;

    kvm::Vm& vm_;
    std::array<GuestRange, 2> windows_;
    std::uint32_t next_ = kFirst;
  };

  Interrupts interrupts_;
  Slots slots_;
};

}  // namespace mayfly::vmm
