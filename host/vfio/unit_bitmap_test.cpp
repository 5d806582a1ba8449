// SPDX-License-Identifier: Apache-2.0
#include "vfio/unit_bitmap.hpp"

#include <gtest/gtest.h>

namespace mayfly::vfio {
namespace {

TEST(UnitBitmap, SetsAndClearsExactlyTheRange) {
  for (const UnitRange range : {UnitRange{0, 1}, {63, 2}, {64, 64}, {5, 190}, {0, 200}, {199, 1}}) {
    UnitBitmap bits(200);
    bits.set(range);
    EXPECT_EQ(bits.count({0, 200}), range.count);
    EXPECT_TRUE(bits.all(range));
    EXPECT_EQ(bits.first_set({0, 200}), range.first);
    EXPECT_EQ(bits.first_clear({range.first, 200 - range.first}), range.end());
    UnitBitmap rest(200);
    rest.set({0, 200});
    rest.clear(range);
    EXPECT_FALSE(rest.any(range));
    EXPECT_EQ(rest.count({0, 200}), 200 - range.count);
  }
}

TEST(UnitBitmap, AnyAndAllLookAtTheRangeOnly) {
  UnitBitmap bits(256);
  bits.set({60, 10});
  EXPECT_FALSE(bits.any({0, 60}));
  EXPECT_FALSE(bits.any({70, 186}));
  EXPECT_TRUE(bits.any({69, 1}));
  EXPECT_TRUE(bits.all({60, 10}));
  EXPECT_FALSE(bits.all({59, 2}));
  EXPECT_FALSE(bits.all({69, 2}));
}

TEST(UnitBitmap, FirstSetIsTheEndWhenThereIsNone) {
  const UnitBitmap bits(256);
  EXPECT_EQ(bits.first_set({3, 250}), 253U);
}

TEST(UnitBitmap, CopiesAnotherOnesBitsWithinARange) {
  UnitBitmap from(128);
  from.set({0, 10});
  from.set({100, 10});
  UnitBitmap bits(128);
  bits.set({50, 60});
  bits.set_from(from, {5, 50});
  EXPECT_EQ(bits.count({0, 128}), 65U);
  EXPECT_TRUE(bits.all({5, 5}));
  bits.clear_from(from, {8, 97});
  EXPECT_EQ(bits.count({0, 128}), 58U);
  EXPECT_FALSE(bits.any({100, 5}));
  EXPECT_TRUE(bits.all({105, 5}));
}

TEST(UnitRange, CommonIsWhatBothHave) {
  EXPECT_EQ((UnitRange{0, 10}.common({5, 10}).first), 5U);
  EXPECT_EQ((UnitRange{0, 10}.common({5, 10}).count), 5U);
  EXPECT_EQ((UnitRange{0, 10}.common({10, 10}).count), 0U);
}

}  // namespace
}  // namespace mayfly::vfio
