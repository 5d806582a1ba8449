// SPDX-License-Identifier: Apache-2.0
#include "kvm/cpuid.hpp"

#include <gtest/gtest.h>

#include "kvm/disabled_exits.hpp"

namespace mayfly::kvm {
namespace {

kvm_cpuid_entry2 leaf(std::uint32_t function, std::uint32_t eax = 0) {
  kvm_cpuid_entry2 entry{};
  entry.function = function;
  entry.eax = eax;
  return entry;
}

std::vector<kvm_cpuid_entry2> host_leaves() {
  std::vector<kvm_cpuid_entry2> leaves{leaf(0, 0x1f), leaf(1), leaf(0xb), leaf(0x1f),
                                       leaf(0x80000008, 0x3028)};
  leaves[1].ebx = 0x03100800;  // whatever the host's own vCPU has in it
  kvm_cpuid_entry2 cache = leaf(4, 3U << 5U | 3U);
  cache.index = 3;
  leaves.push_back(cache);
  return leaves;
}

const kvm_cpuid_entry2* find(const kvm_cpuid2* table, std::uint32_t function, std::uint32_t index = 0) {
  for (std::uint32_t i = 0; i < table->nent; ++i) {
    const kvm_cpuid_entry2& entry = table->entries[i];
    if (entry.function == function && entry.index == index) {
      return &entry;
    }
  }
  return nullptr;
}

TEST(Cpuid, EachVcpuSeesItsOwnApicId) {
  Cpuid cpuid(host_leaves(), 6);
  for (std::uint32_t id = 0; id < 6; ++id) {
    const kvm_cpuid2* table = cpuid.for_vcpu(id);
    EXPECT_EQ(find(table, 1)->ebx >> 24U, id);
    EXPECT_EQ(find(table, 0xb)->edx, id);
    EXPECT_EQ(find(table, 0xb, 1)->edx, id);
  }
}

TEST(Cpuid, DedicatedVcpusAreToldSo) {
  std::vector<kvm_cpuid_entry2> leaves = host_leaves();
  leaves.push_back(leaf(5));
  leaves.push_back(leaf(0x40000001, 0x10000fb));
  Cpuid cpuid(leaves, 2);
  EXPECT_EQ(find(cpuid.for_vcpu(0), 0x40000001)->edx, 0U);
  cpuid.dedicate(std::nullopt);
  const kvm_cpuid2* table = cpuid.for_vcpu(0);
  EXPECT_EQ(find(table, 0x40000001)->edx, 1U) << "KVM_HINTS_REALTIME";
  EXPECT_EQ(find(table, 0x40000001)->eax, 0x100007bU) << "all but PV_UNHALT";
  EXPECT_EQ(find(table, 1)->ecx & 1U << 3U, 0U);
  EXPECT_EQ(find(table, 5)->eax, 0U);
}

TEST(Cpuid, SyntheticTimersAreAllThatItSaysOfHyperV) {
  std::vector<kvm_cpuid_entry2> leaves = host_leaves();
  leaves.push_back(leaf(0x40000000, 0x40000001));
  leaves.back().ebx = 0x4b4d564b;  // "KVMK"
  leaves.push_back(leaf(0x40000001, 0x10000fb));
  Cpuid cpuid(leaves, 2);
  cpuid.add_synthetic_timers();
  cpuid.add_map_range();
  cpuid.dedicate(std::nullopt);
  const kvm_cpuid2* table = cpuid.for_vcpu(1);
  for (const std::uint32_t each : {0x40000000U, 0x40000001U, 0x40000003U, 0x40000100U, 0x40000101U}) {
    ASSERT_NE(find(table, each), nullptr) << std::hex << each;
  }
  EXPECT_EQ(find(table, 0x40000000)->eax, 0x40000003U);
  EXPECT_EQ(find(table, 0x40000000)->ebx, 0x756e694cU) << "\"Linu\", not \"Micr\"";
  EXPECT_EQ(find(table, 0x40000001)->eax, 0x31237648U);
  EXPECT_EQ(find(table, 0x40000002), nullptr);
  EXPECT_EQ(find(table, 0x40000003)->eax, 1U << 3U);
  EXPECT_EQ(find(table, 0x40000003)->ebx, 0U);
  EXPECT_EQ(find(table, 0x40000003)->edx, 1U << 19U);
  EXPECT_EQ(find(table, 0x40000004), nullptr);
  EXPECT_EQ(find(table, 0x40000100)->eax, 0x40000101U);
  EXPECT_EQ(find(table, 0x40000100)->ebx, 0x4b4d564bU);
  EXPECT_EQ(find(table, 0x40000101)->eax, 0x101007bU) << "all but PV_UNHALT, and HC_MAP_GPA_RANGE";
  EXPECT_EQ(find(table, 0x40000101)->edx, 1U) << "KVM_HINTS_REALTIME";
}

TEST(Cpuid, MonitorIsTheHosts) {
  std::vector<kvm_cpuid_entry2> leaves = host_leaves();
  leaves.push_back(leaf(5));
  Cpuid cpuid(leaves, 1);
  cpuid.dedicate(MonitorLeaf{{64, 65, 3, 0x20}});
  const kvm_cpuid2* table = cpuid.for_vcpu(0);
  EXPECT_NE(find(table, 1)->ecx & 1U << 3U, 0U);
  EXPECT_EQ(find(table, 5)->eax, 64U);
  EXPECT_EQ(find(table, 5)->ebx, 65U);
  EXPECT_EQ(find(table, 5)->ecx, 3U);
  EXPECT_EQ(find(table, 5)->edx, 0x20U);
}

TEST(DisabledExits, HaltIsWhatMatters) {
  EXPECT_EQ(exits_to_disable(15), 7U);
  EXPECT_EQ(exits_to_disable(6), 6U);
  EXPECT_EQ(exits_to_disable(2), 2U);
  for (const std::int64_t offered : {0, 4, 13, -22}) {
    EXPECT_EQ(exits_to_disable(offered), std::nullopt) << offered;
  }
}

TEST(Cpuid, TopologyIsOnePackageOfCores) {
  Cpuid cpuid(host_leaves(), 6);
  const kvm_cpuid2* table = cpuid.for_vcpu(0);
  EXPECT_EQ(find(table, 0xb, 0)->ebx, 1U);
  EXPECT_EQ(find(table, 0xb, 1)->ebx, 6U);
  EXPECT_EQ(find(table, 0xb, 1)->eax, 3U);  // six ids need three bits
  EXPECT_EQ(find(table, 0x80000008)->ecx, 3U << 12U | 5U);
  EXPECT_EQ(find(table, 4, 3)->eax >> 26U, 5U);
}

TEST(Cpuid, HostTopologyLeavesAreGone) {
  Cpuid cpuid(host_leaves(), 1);
  EXPECT_EQ(find(cpuid.for_vcpu(0), 0x1f), nullptr);
}

TEST(Cpuid, GuestKnowsThatItIsOne) {
  Cpuid cpuid(host_leaves(), 1);
  const std::uint32_t ecx = find(cpuid.for_vcpu(0), 1)->ecx;
  EXPECT_NE(ecx & 1U << 31U, 0U);
  EXPECT_NE(ecx & 1U << 21U, 0U);
}

TEST(Cpuid, PhysicalBitsComeFromTheirLeaf) {
  EXPECT_EQ(Cpuid(host_leaves(), 1).physical_bits(), 40U);
  EXPECT_EQ(Cpuid({leaf(1)}, 1).physical_bits(), 36U);
}

}  // namespace
}  // namespace mayfly::kvm
