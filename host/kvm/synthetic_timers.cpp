// SPDX-License-Identifier: Apache-2.0
#include "kvm/synthetic_timers.hpp"

namespace mayfly::kvm {

bool has_synthetic_timers(const Vm& vm) noexcept {
  return vm.check(KVM_CAP_HYPERV_SYNIC2) > 0 && vm.check(KVM_CAP_HYPERV_ENFORCE_CPUID) > 0;
}

void give_synthetic_timers(Vcpu& vcpu) {
  // KVM has the timers with the controller of synthetic interrupts only, which the guest is not given.
  vcpu.enable(KVM_CAP_HYPERV_SYNIC2, 0);
  vcpu.enable(KVM_CAP_HYPERV_ENFORCE_CPUID, 1);
}

}  // namespace mayfly::kvm
