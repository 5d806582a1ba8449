// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <linux/kvm_para.h>

#include "kvm/abi.hpp"
#include "kvm/system.hpp"

namespace mayfly::kvm {

/// Registers of leaf 5, MONITOR and MWAIT; nothing where there are none.
using MonitorLeaf = std::optional<std::array<std::uint32_t, 4>>;

/// This processor's own.
[[nodiscard]] MonitorLeaf host_monitor_leaf() noexcept;

/// Processor identification for a guest: what KVM supports, made true for one vCPU of `cpus`.
class Cpuid {
 public:
  /// Reads KVM_GET_SUPPORTED_CPUID, then says that there is a hypervisor, an x2APIC and, where KVM has it,
  /// the TSC deadline timer, so that the guest calibrates nothing. Throws Error.
  Cpuid(const System& system, std::uint32_t cpus);
  /// For tests: starts from `entries` instead of KVM's.
  Cpuid(std::vector<kvm_cpuid_entry2> entries, std::uint32_t cpus);

  /// Says that the host takes the hypercall KVM_HC_MAP_GPA_RANGE, see Vm::take_map_range().
  void add_map_range() noexcept;
  /// Says that there are synthetic timers, see give_synthetic_timers(), and of Hyper-V nothing else. Its
  /// leaves stand where KVM's own were, which a guest finds 0x100 above them.
  void add_synthetic_timers();
  /// For vCPUs that have CPUs to themselves: says so (KVM_HINTS_REALTIME), which ends all of the guest's care
  /// for a host that takes CPUs away; and with `monitor` that it may wait by MWAIT. Before for_vcpu().
  /// Source: Documentation/virt/kvm/x86/cpuid.rst.
  void dedicate(const MonitorLeaf& monitor);

  /// Leaves with the parts that differ by vCPU (APIC id, topology) filled in. `apic_id` < cpus. The pointer
  /// is good until the next call.
  [[nodiscard]] const kvm_cpuid2* for_vcpu(std::uint32_t apic_id);

  /// Width of a guest physical address in bits (leaf 0x80000008), 36 when not told.
  [[nodiscard]] std::uint32_t physical_bits() const noexcept;

 private:
  void describe_topology();
  /// KVM's own features.
  [[nodiscard]] std::uint32_t kvm_features() const noexcept { return kvm_signature_ | 1U; }

  std::uint32_t cpus_;
  std::vector<kvm_cpuid_entry2> entries_;
  /// The leaf by which a guest finds those of KVM.
  std::uint32_t kvm_signature_ = KVM_CPUID_SIGNATURE;
  std::vector<std::uint64_t> storage_;  // kvm_cpuid2 with its flexible array, in aligned words
};

}  // namespace mayfly::kvm
