// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::kvm {

class Vcpu;

/// Sets the model-specific registers that firmware would have set and KVM leaves at their reset value: memory
/// type write-back by default (or Linux runs uncached), and fast strings on (or Linux hides ERMS on Intel).
/// Throws Error.
void set_boot_msrs(Vcpu& vcpu);

}  // namespace mayfly::kvm
