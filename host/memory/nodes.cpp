// SPDX-License-Identifier: Apache-2.0
#include "memory/nodes.hpp"

#include <array>
#include <string>

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly {

std::vector<NodeShare> split_over(std::span<const std::uint32_t> nodes, std::uint64_t bytes,
                                  std::uint64_t unit) {
  MAYFLY_ASSERT(bytes % unit == 0);
  std::vector<NodeShare> shares;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::uint64_t left = nodes.size() - i;
    const std::uint64_t units = ((bytes - offset) / unit + left - 1) / left;
    shares.push_back({{offset, units * unit}, nodes[i]});
    offset += units * unit;
  }
  return shares;
}

void bind_to_node(std::byte* host, std::uint64_t bytes, std::uint32_t node, NodeRule rule) {
  MAYFLY_ASSERT(node < kNodesMax);
  constexpr std::uint32_t kBits = 64;
  std::array<std::uint64_t, kNodesMax / kBits> mask{};
  mask[node / kBits] = 1ULL << (node % kBits);
  // glibc has no mbind(), and the kernel takes one bit off what it is told.
  const int mode = rule == NodeRule::kOnly ? MPOL_BIND : MPOL_PREFERRED;
  if (::syscall(SYS_mbind, host, bytes, mode, mask.data(), kNodesMax + 1, 0) != 0) {
    fail_errno("cannot take memory from node " + std::to_string(node) + " (see /sys/devices/system/node)");
  }
}

}  // namespace mayfly
