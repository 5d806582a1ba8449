// SPDX-License-Identifier: Apache-2.0
#include "dirty/dirty_pages.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace mayfly::dirty {
namespace {

TEST(DirtyPages, EachIsGivenOnce) {
  DirtyPages pages(200);
  for (const std::uint64_t page : {0U, 63U, 64U, 65U, 127U, 199U, 199U}) {
    pages.insert(page);
  }
  for (std::uint64_t page = 128; page < 192; ++page) {
    pages.insert(page);  // a whole word
  }
  PageSet taken(200);
  pages.take(taken);
  EXPECT_EQ(taken.next_run(0), (PageSet::Run{0, 1}));
  EXPECT_EQ(taken.next_run(1), (PageSet::Run{63, 3}));
  EXPECT_EQ(taken.next_run(66), (PageSet::Run{127, 65}));
  EXPECT_EQ(taken.next_run(192), (PageSet::Run{199, 1}));
  PageSet again(200);
  pages.take(again);
  EXPECT_TRUE(again.contains_none({0, 200}));
}

TEST(DirtyPages, WhatIsThereStays) {
  DirtyPages pages(10);
  PageSet taken(10);
  taken.insert({3, 1});
  pages.insert(5);
  pages.take(taken);
  EXPECT_EQ(taken.count({0, 10}), 2U);
}

TEST(DirtyPages, NoneIsLostBetweenThreads) {
  constexpr std::uint64_t kPages = 1 << 14U;
  DirtyPages pages(kPages);
  PageSet taken(kPages);
  {
    const std::jthread even([&] {
      for (std::uint64_t page = 0; page < kPages; page += 2) {
        pages.insert(page);
      }
    });
    const std::jthread odd([&] {
      for (std::uint64_t page = 1; page < kPages; page += 2) {
        pages.insert(page);
      }
    });
    for (int i = 0; i < 100; ++i) {
      pages.take(taken);
    }
  }
  pages.take(taken);
  EXPECT_TRUE(taken.contains_all({0, kPages}));
}

}  // namespace
}  // namespace mayfly::dirty
