// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::kvm {

class Vcpu;

/// Sets the model-specific registers that firmware would have set and KVM leaves at their reset value: memory
/// type write-back by default (or Linux runs uncached), fast strings on (or Linux hides ERMS on Intel), and
/// the local APIC in x2APIC mode. Linux does not turn that on by itself where it has no I/O APIC
/// (arch/x86/kernel/ apic/apic.c, enable_IR_x2apic), and without it each IPI is two emulated stores to MMIO.
/// The vCPU must have its CPUID, with an x2APIC, and an interrupt controller in KVM. Throws Error.
void set_boot_msrs(Vcpu& vcpu, bool boot_processor);

}  // namespace mayfly::kvm
