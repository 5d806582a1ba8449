// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/fd.hpp"
#include "kvm/abi.hpp"
#include "kvm/system.hpp"

namespace mayfly::kvm {

/// How a memory slot may be used by the guest.
enum class SlotAccess : std::uint8_t { kReadWrite, kReadOnly };

/// What of a PC's interrupt controllers KVM has.
enum class Irqchip : std::uint8_t {
  /// Local APICs alone: interrupts are messages. Made in no time.
  kMessages,
  /// An I/O APIC and a PIC too, for interrupts by pins.
  kMessagesAndPins,
};

enum class WriteEvent : std::uint8_t { kOn, kOff };

/// One virtual machine: its address space and interrupt controllers. Calls may come from any thread.
class Vm {
 public:
  /// Creates an empty VM with the pages that VMX needs set aside just below 4 GiB. Throws Error.
  explicit Vm(const System& system);

  /// Interrupt controllers in the kernel; no PIT. Before the first vCPU. Throws Error.
  void create_irqchip(Irqchip irqchip);
  /// True when what was created has an I/O APIC.
  [[nodiscard]] bool has_pins() const noexcept { return has_pins_; }
  /// Maps [host, host + bytes) at guest physical `guest`, all multiples of 4 KiB, as slot `slot`; dirty
  /// logging off. Throws Error.
  void add_memory(std::uint32_t slot, std::uint64_t guest, std::byte* host, std::uint64_t bytes,
                  SlotAccess access);
  /// As add_memory(), for what a guest has asked for: false when KVM refuses, as where another slot is.
  [[nodiscard]] bool try_add_memory(std::uint32_t slot, std::uint64_t guest, std::byte* host,
                                    std::uint64_t bytes, SlotAccess access) noexcept;
  /// Turns dirty logging of slot `slot`, which add_memory() has made of the rest with kReadWrite, on or off.
  /// On: KVM splits its huge mappings there and has the guest's writes fault, once each page. Off: huge ones
  /// come back. Throws Error.
  void log_writes(std::uint32_t slot, std::uint64_t guest, std::byte* host, std::uint64_t bytes, bool on);
  /// Has KVM tell anew of all pages that were taken from the vCPUs' DirtyRings, when the guest writes them
  /// again; gives how many. Throws Error.
  std::uint32_t reset_dirty_rings();
  /// Takes slot `slot` away: accesses to it are exits when this returns. KVM drops the mappings of all slots
  /// on the way and builds them anew. False when it has no memory to do that; the slot stays then.
  bool remove_memory(std::uint32_t slot) noexcept;
  /// Makes each write of the guest at `address`, where a device is, an event of `event` and no exit; or
  /// undoes that. False when KVM refuses, with errno.
  [[nodiscard]] bool set_write_event(std::uint64_t address, int event, WriteEvent is) noexcept;
  /// Lets the guest say who is to reach its memory: MapRange exits. False where KVM has none of them (Linux
  /// before 5.14). Throws Error.
  [[nodiscard]] bool take_map_range();
  /// Turns a capability on. Throws Error.
  void enable(std::uint32_t capability, std::uint64_t argument);
  /// KVM_CHECK_EXTENSION on this VM.
  [[nodiscard]] int check(std::uint32_t capability) const noexcept;

  /// Sends one message to the local APICs. False when no APIC took it.
  bool signal_msi(std::uint64_t address, std::uint32_t data) const noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  [[nodiscard]] bool set_slot(std::uint32_t slot, std::uint32_t flags, std::uint64_t guest, std::byte* host,
                              std::uint64_t bytes) noexcept;

  Fd fd_;
  bool has_pins_ = false;
};

}  // namespace mayfly::kvm
