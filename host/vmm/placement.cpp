// SPDX-License-Identifier: Apache-2.0
#include "vmm/placement.hpp"

#include <numeric>

#include "memory/nodes.hpp"
#include "memory/region_parts.hpp"

namespace mayfly::vmm {

std::vector<std::uint32_t> host_ids(const Placement& placement) {
  std::vector<std::uint32_t> ids;
  for (const HostNode& node : placement.nodes) {
    ids.push_back(node.id);
  }
  return ids;
}

std::vector<std::uint32_t> cpus_for(const Placement& placement, const std::vector<std::uint32_t>& own_cpus,
                                    std::uint32_t vcpu) {
  if (!own_cpus.empty()) {
    return {own_cpus.at(vcpu)};
  }
  return placement.nodes.empty() ? std::vector<std::uint32_t>()
                                 : placement.nodes.at(placement.vcpu_nodes.at(vcpu)).cpus;
}

NodeTables::NodeTables(const Placement& placement, const GuestMemory& memory, std::uint64_t page_bytes)
    : placement_(placement) {
  if (placement.nodes.size() < 2) {
    return;
  }
  std::vector<std::uint32_t> numbers(placement.nodes.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  for (const NodeShare& share : split_over(numbers, total_bytes(memory.regions()), page_bytes)) {
    for_each_part(memory.regions(), share.part, [&](const GuestMemory::Region& part) {
      memory_.push_back({part.guest, share.node});
    });
  }
  for (const HostNode& node : placement.nodes) {
    distances_.insert(distances_.end(), node.distances.begin(), node.distances.end());
  }
}

}  // namespace mayfly::vmm
