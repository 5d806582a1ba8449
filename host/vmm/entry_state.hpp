// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/pvh_state.hpp"
#include "kvm/vcpu.hpp"

namespace mayfly::vmm {

/// Puts the vCPU that boots at the kernel's entry. Before it runs. Throws Error.
void set_entry_state(kvm::Vcpu& vcpu, const boot::PvhState& state);

}  // namespace mayfly::vmm
