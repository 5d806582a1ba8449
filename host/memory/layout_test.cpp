// SPDX-License-Identifier: Apache-2.0
#include "memory/layout.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly {
namespace {

TEST(Layout, SmallGuestHasOneRange) {
  const Layout layout(512 * kMiB, 2 * kMiB);
  ASSERT_EQ(layout.ram().size(), 1U);
  EXPECT_EQ(layout.ram()[0], (GuestRange{GuestAddress(0), 512 * kMiB}));
  EXPECT_EQ(layout.pmem(), (GuestRange{GuestAddress(4 * kGiB), 2 * kMiB}));
  EXPECT_EQ(layout.window64().start, GuestAddress(5 * kGiB));
}

TEST(Layout, RamAboveThreeGibibytesContinuesAtFour) {
  const Layout layout(8 * kGiB, 64 * kMiB);
  ASSERT_EQ(layout.ram().size(), 2U);
  EXPECT_EQ(layout.ram()[0], (GuestRange{GuestAddress(0), 3 * kGiB}));
  EXPECT_EQ(layout.ram()[1], (GuestRange{GuestAddress(4 * kGiB), 5 * kGiB}));
  EXPECT_EQ(layout.pmem().start, GuestAddress(9 * kGiB));
}

TEST(Layout, RamNeverReachesThePciHole) {
  const Layout layout(3 * kGiB, 2 * kMiB);
  ASSERT_EQ(layout.ram().size(), 1U);
  EXPECT_EQ(layout.ram()[0].bytes, Layout::kWindow32.start.raw());
}

TEST(Layout, GuestBeyondPhysicalBitsIsAnError) {
  EXPECT_NO_THROW(Layout(512 * kGiB, 2 * kMiB).require_fit(40));
  EXPECT_THROW(Layout(1024 * kGiB, 2 * kMiB).require_fit(40), Error);
  EXPECT_NO_THROW(Layout(1024 * kGiB, 2 * kMiB).require_fit(46));
}

TEST(Layout, GuestBeyondAllAddressesIsAnError) {
  EXPECT_THROW(Layout(~0ULL & ~(2 * kMiB - 1), 2 * kMiB), Error);
}

}  // namespace
}  // namespace mayfly
