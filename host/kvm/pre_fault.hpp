// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "kvm/vcpu.hpp"

namespace mayfly::kvm {

/// KVM has not built the page tables: errno of the ioctl, EOPNOTSUPP where it never does (without nested
/// paging).
struct PreFaultFault {
  int errno_value = 0;
};

/// Whether this kernel builds page tables ahead: KVM_CAP_PRE_FAULT_MEMORY, Linux 6.11.
[[nodiscard]] bool can_pre_fault(const Vm& vm) noexcept;

/// Has KVM build the nested page tables of [guest, guest + bytes), whole pages of memory slots, as a read of
/// each page by that vCPU would. Host memory must be populated, writable, before: else the tables get pages
/// of zeros that a write replaces. After the vCPU's CPUID is set and before it runs; at a time by one thread
/// for each vCPU, and by several for several vCPUs. Source: api.rst,
/// KVM_PRE_FAULT_MEMORY.
[[nodiscard]] Result<void, PreFaultFault> pre_fault(const Vcpu& vcpu, std::uint64_t guest,
                                                    std::uint64_t bytes) noexcept;

}  // namespace mayfly::kvm
