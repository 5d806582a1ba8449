// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "kvm/vm.hpp"

namespace mayfly::kvm {

/// What each GSI of a VM is: the pins of KVM's I/O APIC first, where it has one, messages after them; and
/// which events raise it.
///
/// Events are eventfds (irqfds): an interrupt goes from a driver of the host to the guest's local APIC and
/// never comes here. allocate() is for one thread while the machine is built; all else for any thread. Source
/// of it all: api.rst, KVM_SET_GSI_ROUTING and KVM_IRQFD.
class IrqRoutes {
 public:
  /// Pins of the I/O APIC: GSI n is pin n.
  static constexpr std::uint32_t kPins = 24;
  /// KVM_MAX_IRQ_ROUTES of x86.
  static constexpr std::uint32_t kRoutesMax = 4096;

  /// `vm` has its irqchip, and outlives this. Pins are routed from now on, to the I/O APIC alone. Throws
  /// Error.
  explicit IrqRoutes(const Vm& vm);

  /// The first of `count` new GSIs for messages. Throws Error when KVM has no more.
  [[nodiscard]] std::uint32_t allocate(std::uint32_t count);
  /// What GSI `gsi`, from allocate(), sends from now on. False when KVM has no memory for it.
  [[nodiscard]] bool route(std::uint32_t gsi, std::uint64_t address, std::uint32_t data) noexcept;

  /// Each event raises `gsi`; one that is waiting does so at once. False when KVM refuses.
  [[nodiscard]] bool connect(std::uint32_t gsi, int event) const noexcept;
  /// As connect(), for a level, where there are pins: the pin stays up until the guest ends the interrupt,
  /// and that is an event of `ended` (KVM_IRQFD_FLAG_RESAMPLE).
  [[nodiscard]] bool connect_level(std::uint32_t pin, int event, int ended) const noexcept;
  /// `event` raises `gsi` no more once this has returned.
  void disconnect(std::uint32_t gsi, int event) const noexcept;

 private:
  [[nodiscard]] bool commit() noexcept;

  const Vm& vm_;
  /// The first GSI of a message.
  std::uint32_t first_;
  std::mutex mutex_;
  /// A kvm_irq_routing and its entries, by GSI.
  std::vector<std::byte> table_;
};

}  // namespace mayfly::kvm
