// SPDX-License-Identifier: Apache-2.0
#include "vmm/placement.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "memory/backing.hpp"

namespace mayfly::vmm {
namespace {

using Numbers = std::vector<std::uint32_t>;

/// 8 GiB with the hole below 4 GiB: addresses, without memory.
struct EightGib {
  Mapping room = reserve_aligned(8 * kGiB);
  std::array<GuestMemory::Region, 2> regions{
      GuestMemory::Region{{GuestAddress(0), 3 * kGiB}, room.data()},
      GuestMemory::Region{{GuestAddress(4 * kGiB), 5 * kGiB}, room.data() + 3 * kGiB}};
  GuestMemory memory{regions};
};
const Placement kTwo{{{4, {0, 1}, {10, 21}}, {7, {}, {21, 10}}}, {0, 0, 1}};

TEST(Placement, VcpuRunsOnItsNode) {
  EXPECT_EQ(cpus_for(kTwo, {}, 1), (Numbers{0, 1}));
  EXPECT_EQ(cpus_for(kTwo, {}, 2), Numbers{}) << "a node without CPUs";
  EXPECT_EQ(cpus_for(kTwo, {5, 6, 8}, 2), Numbers{8});
  EXPECT_EQ(cpus_for({}, {}, 0), Numbers{});
  EXPECT_EQ(host_ids(kTwo), (Numbers{4, 7}));
}

TEST(Placement, GuestIsToldOfItsOwnNodes) {
  const EightGib guest;
  const NodeTables tables(kTwo, guest.memory, kGiB);
  const acpi::NodeInputs inputs = tables.inputs();
  ASSERT_EQ(inputs.memory.size(), 3U);
  EXPECT_EQ(inputs.memory[0].range, (GuestRange{GuestAddress(0), 3 * kGiB}));
  EXPECT_EQ(inputs.memory[1].range, (GuestRange{GuestAddress(4 * kGiB), kGiB}));
  EXPECT_EQ(inputs.memory[1].node, 0U);
  EXPECT_EQ(inputs.memory[2].range, (GuestRange{GuestAddress(5 * kGiB), 4 * kGiB}));
  EXPECT_EQ(inputs.memory[2].node, 1U);
  EXPECT_EQ(Numbers(inputs.cpu_nodes.begin(), inputs.cpu_nodes.end()), (Numbers{0, 0, 1}));
  EXPECT_EQ(inputs.distances.size(), 4U);
}

TEST(Placement, OneNodeIsNoneToTheGuest) {
  const EightGib guest;
  const Placement one{{{1, {0}, {10}}}, {0}};
  EXPECT_TRUE(NodeTables(one, guest.memory, kGiB).inputs().memory.empty());
}

}  // namespace
}  // namespace mayfly::vmm
