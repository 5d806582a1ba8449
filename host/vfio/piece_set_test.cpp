// SPDX-License-Identifier: Apache-2.0
#include "vfio/piece_set.hpp"

#include <gtest/gtest.h>

namespace mayfly::vfio {
namespace {

constexpr PieceIndex kSize = 65535;

TEST(PieceSet, FindsMembersHoweverFarApart) {
  PieceSet set(kSize);
  for (const PieceIndex member : {0U, 63U, 64U, 4095U, 4096U, 40000U, 65534U}) {
    set.insert(member);
  }
  PieceIndex at = 0;
  for (const PieceIndex member : {0U, 63U, 64U, 4095U, 4096U, 40000U, 65534U}) {
    ASSERT_EQ(set.next(at), member);
    at = member + 1;
  }
  EXPECT_EQ(set.next(at), std::nullopt);
}

TEST(PieceSet, CountsEachMemberOnce) {
  PieceSet set(kSize);
  set.insert(7);
  set.insert(7);
  set.erase(8);
  EXPECT_EQ(set.count(), 1U);
  set.erase(7);
  set.erase(7);
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.next(0), std::nullopt);
}

TEST(PieceSet, FillHoldsEveryPieceAndNoOther) {
  PieceSet set(130);
  set.fill();
  EXPECT_EQ(set.count(), 130U);
  EXPECT_EQ(set.next(129), 129U);
  EXPECT_EQ(set.next(130), std::nullopt);
}

TEST(PieceSet, FindsWhatIsInBoth) {
  PieceSet a(kSize);
  PieceSet b(kSize);
  for (PieceIndex piece = 0; piece < 10000; piece += 2) {
    a.insert(piece);
    b.insert(piece + 1);
  }
  EXPECT_EQ(PieceSet::next_in_both(a, b, 0), std::nullopt);
  b.insert(9000);
  EXPECT_EQ(PieceSet::next_in_both(a, b, 1), 9000U);
  EXPECT_EQ(PieceSet::next_in_both(b, a, 9000), 9000U);
  EXPECT_EQ(PieceSet::next_in_both(a, b, 9001), std::nullopt);
}

}  // namespace
}  // namespace mayfly::vfio
