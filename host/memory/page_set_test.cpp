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

TEST(PageSet, TakesExactlyTheRunInAndOut) {
  for (const Numbers run : {Numbers{0, 1}, {63, 2}, {64, 64}, {5, 190}, {0, 200}, {199, 1}}) {
    PageSet set(200);
    set.insert(run);
    EXPECT_EQ(set.count({0, 200}), run.count);
    EXPECT_EQ(set.first_in({0, 200}), run.first);
    EXPECT_EQ(set.first_not_in({run.first, 200 - run.first}), run.end());
    PageSet rest(200);
    rest.insert({0, 200});
    rest.erase(run);
    EXPECT_TRUE(rest.contains_none(run));
    EXPECT_EQ(rest.count({0, 200}), 200 - run.count);
  }
}

TEST(PageSet, FirstInARunIsItsEndWhenThereIsNone) {
  PageSet set(256);
  EXPECT_EQ(set.first_in({3, 20}), 23U);
  set.insert({30, 1});
  EXPECT_EQ(set.first_in({3, 20}), 23U);
  set.insert({0, 256});
  EXPECT_EQ(set.first_not_in({3, 20}), 23U);
}

TEST(PageSet, TakesWhatAnotherHasWithinARun) {
  PageSet from(128);
  from.insert({0, 10});
  from.insert({100, 10});
  PageSet set(128);
  set.insert({50, 60});
  set.insert_from(from, {5, 50});
  EXPECT_EQ(set.count({0, 128}), 65U);
  EXPECT_TRUE(set.contains_all({5, 5}));
  set.erase_from(from, {8, 97});
  EXPECT_EQ(set.count({0, 128}), 58U);
  EXPECT_TRUE(set.contains_none({100, 5}));
  EXPECT_TRUE(set.contains_all({105, 5}));
}

TEST(PageSet, CommonIsWhatBothRunsHave) {
  EXPECT_EQ((Numbers{0, 10}.common({5, 10})), (Numbers{5, 5}));
  EXPECT_EQ((Numbers{0, 10}.common({10, 10}).count), 0U);
}

TEST(PageSet, AHugeSetCostsNothingWhileItIsEmpty) {
  PageSet set(64 * kTiB / (4 * kKiB));
  set.insert({set.size() - 1, 1});
  EXPECT_TRUE(set.contains(set.size() - 1));
}

}  // namespace
}  // namespace mayfly
