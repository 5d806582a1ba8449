// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/pieces.hpp"

namespace mayfly {

/// Linux has no more NUMA nodes on x86 (CONFIG_NODES_SHIFT).
inline constexpr std::uint32_t kNodesMax = 1024;

/// A part of some memory, and the NUMA node of the host that it is to come from.
struct NodeShare {
  Piece part;
  std::uint32_t node = 0;
};

/// `bytes`, whole units of `unit`, cut into one part for each of `nodes`, in their order: as equal as units
/// allow, the first parts the larger ones. None is empty where there are as many units.
[[nodiscard]] std::vector<NodeShare> split_over(std::span<const std::uint32_t> nodes, std::uint64_t bytes,
                                                std::uint64_t unit);

/// Where memory comes from when its node has none left.
enum class NodeRule : std::uint8_t {
  kOnly,  ///< From nowhere: a touch of it is SIGBUS, or an out-of-memory kill. For what is populated at once.
  kPrefer,  ///< From another node.
};

/// Has memory of [host, host + bytes), whole pages of which none is populated, come from one node, below
/// kNodesMax. Throws Error.
void bind_to_node(std::byte* host, std::uint64_t bytes, std::uint32_t node, NodeRule rule);

}  // namespace mayfly
