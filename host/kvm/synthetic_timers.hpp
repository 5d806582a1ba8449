// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kvm/vcpu.hpp"
#include "kvm/vm.hpp"

namespace mayfly::kvm {

/// Hyper-V's synthetic timers, which KVM has for each vCPU beside the timer of its APIC. One that is periodic
/// goes on by itself: a guest that has its tick from it leaves the guest for each tick once, when it fires,
/// and not again to set the next. Source: Hyper-V TLFS, chapter 12, Timers; arch/x86/kvm/hyperv.c.
///
/// True where KVM has them and confines a guest to them (KVM_CAP_HYPERV_ENFORCE_CPUID, Linux 5.14).
[[nodiscard]] bool has_synthetic_timers(const Vm& vm) noexcept;

/// Gives them to a vCPU, and of all else of Hyper-V nothing: other registers of it fault, whatever the guest
/// does. Once, before set_cpuid() with a Cpuid that has them; the VM's irqchip is there. Throws Error.
void give_synthetic_timers(Vcpu& vcpu);

}  // namespace mayfly::kvm
