// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "boot/timeline.hpp"
#include "kvm/pre_fault.hpp"
#include "memory/backing.hpp"
#include "memory/guest_memory.hpp"
#include "memory/populate_all.hpp"

namespace mayfly::vmm {

/// Has KVM build the page tables of a range by one vCPU; what kvm::pre_fault() gives.
using BuildTables = std::function<Result<void, kvm::PreFaultFault>(GuestRange)>;

/// Has the page tables of `regions` built, by each of `builders`, one for each vCPU, on a thread of its own.
/// Gives the bytes that have them: 0 where there are no builders.
[[nodiscard]] Result<std::uint64_t, kvm::PreFaultFault> build_tables(
    std::span<const GuestMemory::Region> regions, std::span<const BuildTables> builders);

/// What a prefault did.
struct PrefaultCounts {
  std::uint64_t populated_bytes = 0;
  std::uint32_t populate_threads = 0;
  /// Of guest memory, that has page tables; 0 where KVM builds none ahead.
  std::uint64_t mapped_bytes = 0;
  std::uint32_t map_threads = 0;
};

/// Puts host memory behind guest memory, all or a part of it, and has KVM map it for the guest, before the
/// guest runs: the guest then never waits for either. The first goes on beside the building of the machine,
/// on all CPUs.
class Prefault {
 public:
  /// Begins to populate `memory`, whole pages of a Backing of `pages`, which outlives this, as `timeline`
  /// does. Block signals before.
  Prefault(std::span<const GuestMemory::Region> memory, Pages pages, boot::BootTimeline& timeline);

  /// Waits until that is populated, then has its page tables built, by at most as many of `builders`, one for
  /// each vCPU, as there are CPUs, each on a thread; by none where there are none. After all memory slots,
  /// before the first vCPU runs; once. Throws Error.
  void finish(std::span<const BuildTables> builders);

  [[nodiscard]] const PrefaultCounts& counts() const noexcept { return counts_; }

 private:
  boot::BootTimeline& timeline_;
  std::vector<GuestMemory::Region> memory_;
  PrefaultCounts counts_{};
  MadvisePopulate populate_;
  PopulateAll all_;
};

/// What each of the vCPUs has to offer; nothing where this kernel does not build page tables ahead. `vcpus`
/// outlive the result.
[[nodiscard]] std::vector<BuildTables> table_builders(const kvm::Vm& vm,
                                                      std::span<const kvm::Vcpu* const> vcpus);

}  // namespace mayfly::vmm
