// SPDX-License-Identifier: Apache-2.0
#include "virtio/balloon_pages.hpp"

#include <array>

#include <gtest/gtest.h>

namespace mayfly::virtio {
namespace {

using Change = BalloonPages::Change;
constexpr std::uint64_t kUnit = HeldMemory::kUnit;
constexpr std::uint32_t kPagesAUnit = 512;

/// Two units at 0, and one at 4 GiB. Nothing is ever read or written there.
class BalloonPagesTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kHigh = 1U << 20U;

  Change come_unit(std::uint32_t first) {
    Change last = Change::kNone;
    for (std::uint32_t i = 0; i < kPagesAUnit; ++i) {
      EXPECT_EQ(last, Change::kNone);
      last = pages_.come(first + i);
    }
    return last;
  }

  GuestMemory memory_{std::array{GuestMemory::Region{{GuestAddress(0), 2 * kUnit}, nullptr},
                                 GuestMemory::Region{{GuestAddress(1ULL << 32U), kUnit}, nullptr}}};
  BalloonPages pages_{memory_};
};

TEST_F(BalloonPagesTest, AUnitIsCompleteWithItsLastPage) {
  EXPECT_EQ(come_unit(0), Change::kComplete);
  EXPECT_EQ(come_unit(kHigh), Change::kComplete);
  EXPECT_EQ(pages_.bytes(), 2 * kUnit);
}

TEST_F(BalloonPagesTest, APageCannotComeTwiceNorGoTwice) {
  EXPECT_EQ(pages_.come(700), Change::kNone);
  EXPECT_EQ(pages_.come(700), Change::kRefused);
  EXPECT_EQ(pages_.go(700), Change::kNone);
  EXPECT_EQ(pages_.go(700), Change::kRefused);
  EXPECT_EQ(pages_.bytes(), 0U);
}

TEST_F(BalloonPagesTest, WhatIsNoRamIsRefused) {
  for (const std::uint32_t page : {2 * kPagesAUnit, kHigh - 1, kHigh + kPagesAUnit, 0xffffffffU}) {
    EXPECT_EQ(pages_.come(page), Change::kRefused) << page;
    EXPECT_EQ(pages_.go(page), Change::kRefused) << page;
  }
}

TEST_F(BalloonPagesTest, AHeldUnitBreaksOnce) {
  EXPECT_EQ(come_unit(kPagesAUnit), Change::kComplete);
  pages_.note_held(kPagesAUnit);
  EXPECT_EQ(pages_.go(kPagesAUnit + 9), Change::kBroken);
  EXPECT_EQ(pages_.go(kPagesAUnit + 8), Change::kNone);
}

TEST_F(BalloonPagesTest, AWholeUnitThatIsNotHeldDoesNotBreak) {
  EXPECT_EQ(come_unit(0), Change::kComplete);
  EXPECT_EQ(pages_.go(1), Change::kNone);
}

TEST_F(BalloonPagesTest, TheUnitAroundAPage) {
  EXPECT_EQ(BalloonPages::unit_of(kHigh + 3), (GuestRange{GuestAddress(1ULL << 32U), kUnit}));
  EXPECT_EQ(BalloonPages::unit_of(1023), (GuestRange{GuestAddress(kUnit), kUnit}));
}

TEST_F(BalloonPagesTest, ForgetsEverything) {
  EXPECT_EQ(come_unit(0), Change::kComplete);
  pages_.note_held(0);
  pages_.clear();
  EXPECT_EQ(pages_.bytes(), 0U);
  EXPECT_EQ(pages_.come(0), Change::kNone);
  EXPECT_EQ(pages_.go(0), Change::kNone);
}

}  // namespace
}  // namespace mayfly::virtio
