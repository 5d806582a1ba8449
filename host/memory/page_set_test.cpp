// SPDX-License-Identifier: Apache-2.0
#include "memory/page_set.hpp"

#include <gtest/gtest.h>

#include "base/checked.hpp"

namespace mayfly {
namespace {

using Numbers = PageSet::Run;

TEST(PageSet, HasWhatWasPutIn) {
  PageSet set(1000);
  set.insert({60, 10});
  EXPECT_TRUE(set.contains_all({60, 10}));
  EXPECT_FALSE(set.contains_all({59, 10}));
  EXPECT_FALSE(set.contains_all({60, 11}));
  EXPECT_FALSE(set.contains_none({0, 61}));
  EXPECT_TRUE(set.contains_none({0, 60}));
  EXPECT_TRUE(set.contains_none({70, 930}));
  EXPECT_TRUE(set.contains(69));
  EXPECT_FALSE(set.contains(70));
}

TEST(PageSet, WholeWordsGoInAndOut) {
  PageSet set(1000);
  set.insert({0, 1000});
  EXPECT_TRUE(set.contains_all({0, 1000}));
  set.erase({64, 64});
  EXPECT_EQ(set.next_run(0), (Numbers{0, 64}));
  EXPECT_EQ(set.next_run(64), (Numbers{128, 872}));
}

TEST(PageSet, RunsEndAtTheSetsEnd) {
  PageSet set(100);
  set.insert({99, 1});
  EXPECT_EQ(set.next_run(0), (Numbers{99, 1}));
  EXPECT_EQ(set.next_run(100), std::nullopt);
  PageSet even(128);
  even.insert({64, 64});
  EXPECT_EQ(even.next_run(70), (Numbers{70, 58}));
}

TEST(PageSet, AnEmptySetHasNoRun) {
  PageSet set(200);
  EXPECT_EQ(set.next_run(0), std::nullopt);
  set.insert({3, 197});
  set.clear();
  EXPECT_EQ(set.next_run(0), std::nullopt);
}

TEST(PageSet, AHugeSetCostsNothingWhileItIsEmpty) {
  PageSet set(64 * kTiB / (4 * kKiB));
  set.insert({set.size() - 1, 1});
  EXPECT_TRUE(set.contains(set.size() - 1));
}

}  // namespace
}  // namespace mayfly
