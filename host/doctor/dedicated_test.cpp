// SPDX-License-Identifier: Apache-2.0
#include "doctor/dedicated.hpp"

#include "doctor/hosts_fixture.hpp"

namespace mayfly::doctor {
namespace {

std::string refusal(const IsolationFacts& host, std::uint32_t vcpus, const std::optional<CpuList>& asked) {
  const auto chosen = choose_dedicated(host, vcpus, asked);
  return chosen.has_value() ? "taken: " + to_text(*chosen) : chosen.error();
}

TEST(Dedicated, TakesIsolatedCpusInOrder) {
  const IsolationFacts host = read_isolation(recorded("sapphire-rapids"));
  EXPECT_EQ(choose_dedicated(host, 4, std::nullopt)->front(), 8U);
  EXPECT_EQ(choose_dedicated(host, 4, std::nullopt)->size(), 48U);
  EXPECT_EQ(choose_dedicated(host, 2, CpuList{20, 30}).value(), (CpuList{20, 30}));
  EXPECT_EQ(
      refusal(host, 49, std::nullopt),
      "49 vCPUs need an isolated CPU each, and only 8-55 are isolated; boot with isolcpus=LIST, or make a "
      "cpuset partition of type isolated");
}

TEST(Dedicated, SharedCpusAreNamed) {
  const IsolationFacts host = read_isolation(recorded("sapphire-rapids"));
  EXPECT_EQ(
      refusal(host, 2, CpuList{7, 8}),
      "CPU 7 is shared with all other processes; isolate them: boot with isolcpus=7, or make them a cpuset "
      "partition of type isolated");
  EXPECT_EQ(
      refusal(read_isolation(recorded("ice-lake")), 2, CpuList{2, 3}),
      "CPUs 2-3 are shared with all other processes; isolate them: boot with isolcpus=2-3, or make them a "
      "cpuset partition of type isolated");
}

TEST(Dedicated, CpusThatAreNotOnlineAreNamed) {
  IsolationFacts host = read_isolation(recorded("sapphire-rapids"));
  EXPECT_EQ(refusal(host, 2, CpuList{55, 112, 113}), "CPUs 112-113 are not online; online are 0-111");
  host.online = difference(host.online, {9});
  EXPECT_EQ(refusal(host, 1, CpuList{9}), "CPU 9 is not online; online are 0-8,10-111");
  EXPECT_FALSE(contains(choose_dedicated(host, 1, std::nullopt).value(), 9));
}

TEST(Dedicated, TooFewCpusAreRefused) {
  const IsolationFacts host = read_isolation(recorded("sapphire-rapids"));
  EXPECT_EQ(refusal(host, 2, CpuList{8}), "CPU 8 is too few for 2 vCPUs, which need one each");
  EXPECT_EQ(refusal(host, 5, CpuList{8, 9}), "CPUs 8-9 are too few for 5 vCPUs, which need one each");
}

TEST(Dedicated, HostWithoutIsolatedCpusIsToldHow) {
  EXPECT_EQ(refusal(read_isolation(recorded("nested-guest")), 1, std::nullopt),
            "1 vCPU needs an isolated CPU, and no CPU is isolated; boot with isolcpus=LIST, or make a cpuset "
            "partition of type isolated");
}

TEST(Dedicated, WholeCoresComeFirst) {
  IsolationFacts host = read_isolation(recorded("zen5"));
  EXPECT_EQ(sharing_a_core(host), (CpuList{4, 5, 6, 7}));
  host.isolated = {4, 5, 6, 7, 198};
  host.siblings[198] = {6, 198};
  EXPECT_EQ(sharing_a_core(host), (CpuList{4, 5, 7}));
  EXPECT_EQ(choose_dedicated(host, 1, std::nullopt).value(), (std::vector<std::uint32_t>{6, 198, 4, 5, 7}));
}

}  // namespace
}  // namespace mayfly::doctor
