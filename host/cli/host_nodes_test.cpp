// SPDX-License-Identifier: Apache-2.0
#include "cli/host_nodes.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::cli {
namespace {

/// A host with nodes 0 and 2, and node 1 that has CPUs but no memory.
class HostNodes : public ::testing::Test {
 protected:
  void SetUp() override {
    put("online", "0-2\n");
    put("has_memory", "0,2\n");
    put("node0/cpulist", "0-3\n");
    put("node0/distance", "10 12 21\n");
    put("node1/cpulist", "4-7\n");
    put("node1/distance", "12 10 31\n");
    put("node2/cpulist", "8-11\n");
    put("node2/distance", "21 31 10\n");
    config_.numa = {0, 2};
    config_.cpus = 4;
  }
  void put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.path() / "sys/devices/system/node" / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] vmm::Placement place() const { return place_on_nodes(config_, folder_.path()); }
  [[nodiscard]] std::string refusal() const {
    try {
      (void)place();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  vmm::RunConfig config_;
  mayfly::testing::TemporaryFolder folder_;
};

using Numbers = std::vector<std::uint32_t>;

TEST_F(HostNodes, RunWithoutItGoesAnywhere) {
  config_.numa.clear();
  EXPECT_TRUE(place().nodes.empty());
  EXPECT_TRUE(place().vcpu_nodes.empty());
}

TEST_F(HostNodes, CpusAreSharedOut) {
  const vmm::Placement placement = place();
  ASSERT_EQ(placement.nodes.size(), 2U);
  EXPECT_EQ(placement.nodes[1].id, 2U);
  EXPECT_EQ(placement.nodes[1].cpus, (Numbers{8, 9, 10, 11}));
  EXPECT_EQ(placement.vcpu_nodes, (Numbers{0, 0, 1, 1}));
  config_.cpus = 3;
  EXPECT_EQ(place().vcpu_nodes, (Numbers{0, 0, 1}));
  config_.cpus = 1;
  EXPECT_EQ(place().vcpu_nodes, Numbers{0});
}

TEST_F(HostNodes, DistancesAreThoseBetweenTheChosen) {
  const vmm::Placement placement = place();
  EXPECT_EQ(placement.nodes[0].distances, (std::vector<std::uint8_t>{10, 21}));
  EXPECT_EQ(placement.nodes[1].distances, (std::vector<std::uint8_t>{21, 10}));
}

TEST_F(HostNodes, CpuOfItsOwnSaysTheNode) {
  config_.own_cpus = {9, 0, 8, 3};
  EXPECT_EQ(place().vcpu_nodes, (Numbers{1, 0, 1, 0}));
  config_.own_cpus = {9, 0, 8, 4};
  EXPECT_EQ(refusal(),
            "--dedicated would take CPU 4, which is of none of the nodes of --numa; name CPUs of theirs with "
            "--dedicated-cpus");
}

TEST_F(HostNodes, NodeWithoutMemoryIsNamed) {
  for (const std::uint32_t node : {1U, 3U}) {
    config_.numa = {0, node};
    EXPECT_EQ(refusal(), "--numa: this host has no node " + std::to_string(node) +
                             " with memory; those that have are 0,2");
  }
}

TEST_F(HostNodes, WhatCannotBeReadIsNamed) {
  for (const char* distances : {"10 12", "10 12 21 4", "10 x 21", "10 12 300", ""}) {
    put("node0/distance", distances);
    EXPECT_NE(refusal().find("node0/distance"), std::string::npos) << distances;
  }
  std::filesystem::remove(folder_.path() / "sys/devices/system/node/has_memory");
  EXPECT_NE(refusal().find("has_memory"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
