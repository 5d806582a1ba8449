// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "base/mapping.hpp"
#include "kvm/abi.hpp"
#include "kvm/exit.hpp"
#include "kvm/system.hpp"
#include "kvm/vm.hpp"

namespace mayfly::kvm {

/// One virtual processor. Built by any thread; run() only ever by one; kick() by any.
class Vcpu {
 public:
  /// `id` is also its APIC id. Throws Error.
  Vcpu(const System& system, const Vm& vm, std::uint32_t id);

  /// Turns a capability of the vCPU on. Throws Error.
  void enable(std::uint32_t capability, std::uint64_t argument);
  void set_cpuid(const kvm_cpuid2* table);
  void set_msrs(std::span<const kvm_msr_entry> entries);
  [[nodiscard]] kvm_regs regs() const;
  void set_regs(const kvm_regs& regs);
  [[nodiscard]] kvm_sregs sregs() const;
  void set_sregs(const kvm_sregs& sregs);

  /// Enters the guest until KVM has something for us. Completes what the last exit asked for.
  [[nodiscard]] VmExit run() noexcept;

  /// Makes the running or next run() return Interrupted. The caller also sends the vCPU's thread a signal, or
  /// a run that has begun would not notice.
  void kick() noexcept;
  /// Undoes kick(). The thread of run().
  void clear_kick() noexcept;

  /// Tells the guest, if it has a kvmclock, that it did not run for a while, so that its watchdogs do not
  /// take that for a hang (KVM_KVMCLOCK_CTRL). The thread of run().
  void note_pause() noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

 private:
  [[nodiscard]] VmExit decode_io() noexcept;
  [[nodiscard]] VmExit decode_mmio() noexcept;
  [[nodiscard]] VmExit decode_hypercall() noexcept;
  [[nodiscard]] kvm_run& shared() const noexcept;

  std::uint32_t id_;
  Fd fd_;
  Mapping map_;
};

}  // namespace mayfly::kvm
