// SPDX-License-Identifier: Apache-2.0
#include "memory/working_set.hpp"

#include <array>

#include <gtest/gtest.h>

namespace mayfly {

// In the namespace of Piece, where the comparison of containers looks for it.
static bool operator==(const Piece& a, const Piece& b) { return a.offset == b.offset && a.bytes == b.bytes; }

namespace {

constexpr std::uint64_t kBytes = 8 * kMiB;

TEST(WorkingSet, PartsAreInOrderAndApart) {
  EXPECT_TRUE(is_working_set(WorkingSet{{0, 1}, {2, kBytes - 2}}, kBytes));
  for (const WorkingSet& bad :
       {WorkingSet{}, WorkingSet{{0, 0}}, WorkingSet{{0, 1}, {1, 1}}, WorkingSet{{4, 2}, {0, 2}},
        WorkingSet{{0, kBytes + 1}}, WorkingSet{{kBytes, 1}}, WorkingSet{{kBytes + 1, 1}},
        WorkingSet{{1, ~0ULL}}, WorkingSet{{~0ULL, 1}}}) {
    EXPECT_FALSE(is_working_set(bad, kBytes)) << testing::PrintToString(bad.size());
  }
  WorkingSet many;
  for (std::uint64_t i = 0; i < kWorkingSetPartsMax; ++i) {
    many.push_back({2 * i, 1});
  }
  EXPECT_TRUE(is_working_set(many, kBytes));
  many.push_back({2 * kWorkingSetPartsMax, 1});
  EXPECT_FALSE(is_working_set(many, kBytes));
}

TEST(WorkingSet, UnitsAreWholeAndMerged) {
  EXPECT_EQ(in_units({{0, 1}, {4096, 4096}}, 4096, kBytes), (WorkingSet{{0, 8192}}));
  EXPECT_EQ(in_units({{0, 1}, {10, 1}}, 4096, kBytes), (WorkingSet{{0, 4096}}));
  EXPECT_EQ(in_units({{4095, 2}, {kBytes - 1, 1}}, 4096, kBytes),
            (WorkingSet{{0, 8192}, {kBytes - 4096, 4096}}));
  EXPECT_EQ(in_units({{4096, 4096}}, 2 * kMiB, kBytes), (WorkingSet{{0, 2 * kMiB}}));
}

TEST(WorkingSet, IsWhatIsPopulated) {
  const Backing memory(kBytes, Pages::k4k);
  memory.data()[0] = std::byte{1};
  memory.data()[3 * kMiB + 70000] = std::byte{1};
  EXPECT_EQ(populated_set(memory), (WorkingSet{{0, 64 * kKiB}, {3 * kMiB + 64 * kKiB, 64 * kKiB}}));
}

// 16384 parts of 64 KiB, each second one populated, have larger units until they are few enough.
TEST(WorkingSet, TooManyPartsAreMerged) {
  const Backing memory(kGiB, Pages::k4k);
  for (std::uint64_t at = 0; at < kGiB; at += 128 * kKiB) {
    memory.data()[at] = std::byte{1};
  }
  EXPECT_EQ(populated_set(memory), (WorkingSet{{0, kGiB}}));
}

TEST(WorkingSet, HasTheGuestsAddresses) {
  std::array<std::byte, 16> host{};
  const std::array regions{GuestMemory::Region{{GuestAddress(100), 6}, host.data()},
                           GuestMemory::Region{{GuestAddress(1000), 10}, host.data() + 6}};
  const std::vector<GuestMemory::Region> found = regions_of(GuestMemory(regions), {{1, 2}, {5, 3}});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].guest, (GuestRange{GuestAddress(101), 2}));
  EXPECT_EQ(found[1].guest, (GuestRange{GuestAddress(105), 1}));
  EXPECT_EQ(found[2].guest, (GuestRange{GuestAddress(1000), 2}));
  EXPECT_EQ(found[1].host, host.data() + 5);
  EXPECT_EQ(found[2].host, host.data() + 6);
}

}  // namespace
}  // namespace mayfly
