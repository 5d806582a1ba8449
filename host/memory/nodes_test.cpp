// SPDX-License-Identifier: Apache-2.0
#include "memory/nodes.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "memory/backing.hpp"

namespace mayfly {
namespace {

TEST(Nodes, SharesAreEqualAsFarAsUnitsAllow) {
  constexpr std::array<std::uint32_t, 3> kNodes{5, 0, 9};
  const auto shares = split_over(kNodes, 8 * kGiB, kGiB);
  ASSERT_EQ(shares.size(), 3U);
  const std::array<std::uint64_t, 3> bytes{3 * kGiB, 3 * kGiB, 2 * kGiB};
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    EXPECT_EQ(shares[i].node, kNodes[i]);
    EXPECT_EQ(shares[i].part.offset, offset);
    EXPECT_EQ(shares[i].part.bytes, bytes[i]);
    offset += bytes[i];
  }
  EXPECT_TRUE(split_over({}, kGiB, kGiB).empty());
}

TEST(Nodes, FewerUnitsThanNodesLeaveSomeWithout) {
  const auto shares = split_over(std::array<std::uint32_t, 3>{0, 1, 2}, 2 * kGiB, kGiB);
  EXPECT_EQ(shares[1].part.bytes, kGiB);
  EXPECT_EQ(shares[2].part.bytes, 0U);
}

TEST(Nodes, MemoryIsBoundBeforeItIsTouched) {
  const Backing memory(4 * kMiB, Pages::k4k);
  bind_to_node(memory.data(), 2 * kMiB, 0, NodeRule::kOnly);
  bind_to_node(memory.data() + 2 * kMiB, 2 * kMiB, 0, NodeRule::kPrefer);
  memory.data()[0] = std::byte{1};
}

TEST(Nodes, NodeThatIsNotThereIsNamed) {
  const Backing memory(2 * kMiB, Pages::k4k);
  try {
    bind_to_node(memory.data(), 2 * kMiB, kNodesMax - 1, NodeRule::kOnly);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("node 1023"), std::string::npos) << error.what();
  }
}

TEST(Nodes, MoreThanTheNodeHasIsRefused) {
  // Of a node that is not there there is nothing.
  const std::array<std::uint32_t, 1> none{kNodesMax - 1};
  for (const auto& [pages, sentence] :
       {std::pair(Pages::k4k, "the guest is to have 2 MiB of node 1023, which has 0 MiB"),
        std::pair(Pages::k2m,
                  "not enough free 2m pages on node 1023: 0 free, 1 needed; reserve them with `echo 1 | "
                  "sudo tee /sys/devices/system/node/node1023/hugepages/hugepages-2048kB/nr_hugepages`")}) {
    try {
      const Backing memory(2 * kMiB, pages, none);
      FAIL() << sentence;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find(sentence), 0U) << error.what();
    }
  }
}

}  // namespace
}  // namespace mayfly
