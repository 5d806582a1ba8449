// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "acpi/acpi_inputs.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::vmm {

/// A NUMA node of the host that a node of the guest is on.
struct HostNode {
  std::uint32_t id = 0;
  /// Its CPUs; none of a node that has memory alone.
  std::vector<std::uint32_t> cpus{};
  /// To each node of the run, in their order, as the host's firmware has it; 10 is to itself.
  std::vector<std::uint8_t> distances{};
};

/// Where the guest's memory and CPUs are on the host.
struct Placement {
  /// One for each node of the guest, all with an equal part of its memory. Empty: wherever the host likes.
  std::vector<HostNode> nodes{};
  /// The node of each vCPU, as `nodes` has them; empty when those are.
  std::vector<std::uint32_t> vcpu_nodes{};
};

/// The numbers of its nodes on the host.
[[nodiscard]] std::vector<std::uint32_t> host_ids(const Placement& placement);

/// The host's CPUs that a vCPU may run on: the one of `own_cpus`, where there are such, else those of its
/// node; none: all of them.
[[nodiscard]] std::vector<std::uint32_t> cpus_for(const Placement& placement,
                                                  const std::vector<std::uint32_t>& own_cpus,
                                                  std::uint32_t vcpu);

/// What ACPI tells a guest of its nodes; nothing where there are not several.
class NodeTables {
 public:
  /// `memory` is cut as Backing has cut it, by pages of `page_bytes`. `placement` outlives this.
  NodeTables(const Placement& placement, const GuestMemory& memory, std::uint64_t page_bytes);

  /// Good as long as this.
  [[nodiscard]] acpi::NodeInputs inputs() const noexcept {
    return {memory_, placement_.vcpu_nodes, distances_};
  }

 private:
  const Placement& placement_;
  std::vector<acpi::NodeRange> memory_;
  std::vector<std::uint8_t> distances_;
};

}  // namespace mayfly::vmm
