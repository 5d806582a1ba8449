// SPDX-License-Identifier: Apache-2.0
#include "vfio/held_units.hpp"

#include <array>

#include <gtest/gtest.h>

#include "testing/fake_iommu.hpp"

namespace mayfly::vfio {
namespace {

class HeldUnitsTest : public ::testing::Test {
 protected:
  HeldUnitsTest()
      : table_(std::array{GuestMemory::Region{{GuestAddress(0), 32 * kMiB}, testing::nowhere()}},
               {.piece_bytes = 8 * kMiB, .window_bytes = 8 * kMiB}),
        held_(table_) {}

  PieceTable table_;  // pieces of four units
  HeldUnits held_;
};

TEST_F(HeldUnitsTest, CountsByPieceAndInAll) {
  held_.hold(0, {0, 4});
  held_.hold(2, {9, 1});
  EXPECT_TRUE(held_.is_full(0));
  EXPECT_FALSE(held_.is_full(2));
  EXPECT_EQ(held_.count(2), 1U);
  EXPECT_EQ(held_.total(), 5U);
  EXPECT_EQ(held_.pieces().next(1), 2U);
  held_.drop(2, {9, 1});
  EXPECT_EQ(held_.pieces().next(1), std::nullopt);
  EXPECT_EQ(held_.total(), 4U);
}

TEST_F(HeldUnitsTest, WhatIsBeingReleasedIsHeldUntilItIsDropped) {
  held_.hold(1, {4, 4});
  held_.begin_release({5, 2});
  EXPECT_EQ(held_.total(), 4U);
  EXPECT_EQ(held_.releasing(), 2U);
  held_.drop_releasing(1);
  EXPECT_EQ(held_.total(), 2U);
  EXPECT_EQ(held_.releasing(), 0U);
  EXPECT_EQ(held_.first_free({4, 4}), 5U);
  EXPECT_EQ(held_.first_held({5, 3}), 7U);
  held_.drop_releasing(1);  // nothing is left to
  EXPECT_EQ(held_.total(), 2U);
}

TEST_F(HeldUnitsTest, ReleasingAllOfAPieceCountsWhatAlreadyIsOnce) {
  held_.hold(1, {4, 3});
  held_.begin_release({5, 1});
  held_.begin_release_all(1);
  EXPECT_EQ(held_.releasing(), 3U);
  held_.drop_releasing(1);
  EXPECT_EQ(held_.total(), 0U);
}

TEST_F(HeldUnitsTest, SaysWhyNot) {
  held_.hold(1, {4, 4});
  held_.begin_release({6, 1});
  EXPECT_TRUE(held_.check_hold({8, 4}).has_value());
  EXPECT_EQ(held_.check_hold({2, 3}), unexpected(HeldFault::kAlreadyHeld));
  EXPECT_EQ(held_.check_hold({6, 3}), unexpected(HeldFault::kReleasing));
  EXPECT_TRUE(held_.check_release({4, 2}).has_value());
  EXPECT_EQ(held_.check_release({3, 2}), unexpected(HeldFault::kNotHeld));
  EXPECT_EQ(held_.check_release({5, 2}), unexpected(HeldFault::kReleasing));
}

}  // namespace
}  // namespace mayfly::vfio
