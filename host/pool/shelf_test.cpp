// SPDX-License-Identifier: Apache-2.0
#include "pool/shelf.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace mayfly::pool {
namespace {

class ShelfTest : public testing::Test {
 protected:
  static Fd some_file() { return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }
  void fill(std::uint32_t pieces) {
    for (std::uint32_t i = 0; i < pieces; ++i) {
      shelf_.begin_fill();
      shelf_.filled(some_file());
    }
  }

  Shelf shelf_{{.kind = {.bytes = 2 * kMiB, .pages = Pages::k4k}, .count = 2, .most = 3}};
};

TEST_F(ShelfTest, IsFilledUpToItsCount) {
  EXPECT_TRUE(shelf_.wants_fill(0));
  shelf_.begin_fill();
  EXPECT_TRUE(shelf_.wants_fill(0));
  shelf_.begin_fill();
  EXPECT_FALSE(shelf_.wants_fill(0));
  EXPECT_EQ(shelf_.status().on_the_way, 2U);
  shelf_.filled(some_file());
  EXPECT_FALSE(shelf_.is_full());
  shelf_.filled(some_file());
  EXPECT_TRUE(shelf_.is_full());
}

TEST_F(ShelfTest, HasNeverMoreThanItsMost) {
  fill(2);
  (void)shelf_.lend(false);
  EXPECT_TRUE(shelf_.wants_fill(0));
  fill(1);
  EXPECT_EQ(shelf_.status().ready + shelf_.status().lent, 3U);
  (void)shelf_.lend(false);
  EXPECT_FALSE(shelf_.wants_fill(5));
  // What is being given back still takes room.
  shelf_.take_back();
  EXPECT_FALSE(shelf_.wants_fill(0));
  shelf_.gone();
  EXPECT_TRUE(shelf_.wants_fill(0));
}

TEST_F(ShelfTest, FillsForThoseWhoWaitToo) {
  fill(2);
  EXPECT_FALSE(shelf_.wants_fill(2));
  EXPECT_TRUE(shelf_.wants_fill(3));
}

TEST_F(ShelfTest, WaitsNotForWhatIsAllLent) {
  fill(2);
  (void)shelf_.lend(false);
  (void)shelf_.lend(false);
  EXPECT_TRUE(shelf_.may_get_more());
  fill(1);
  (void)shelf_.lend(false);
  EXPECT_FALSE(shelf_.may_get_more());
  shelf_.take_back();
  EXPECT_TRUE(shelf_.may_get_more());
}

TEST_F(ShelfTest, HoldsOffAfterAFailureUntilItIsTriedAgain) {
  shelf_.begin_fill();
  shelf_.failed("no pages");
  EXPECT_EQ(shelf_.why(), "no pages");
  EXPECT_FALSE(shelf_.wants_fill(9));
  EXPECT_FALSE(shelf_.may_get_more());
  shelf_.retry();
  EXPECT_TRUE(shelf_.wants_fill(0));
  fill(1);
  EXPECT_EQ(shelf_.why(), "");
}

TEST_F(ShelfTest, LendsWhatHasWaitedLongestAndCounts) {
  shelf_.begin_fill();
  Fd first = some_file();
  const int number = first.get();
  shelf_.filled(std::move(first));
  fill(1);
  EXPECT_EQ(shelf_.lend(true).get(), number);
  (void)shelf_.lend(false);
  const ShelfStatus status = shelf_.status();
  EXPECT_EQ(status.filled, 2U);
  EXPECT_EQ(status.handed_out, 2U);
  EXPECT_EQ(status.handed_out_late, 1U);
  EXPECT_EQ(status.lent, 2U);
}

TEST_F(ShelfTest, FitsItsSizeAndPages) {
  EXPECT_TRUE(shelf_.fits({2 * kMiB, Pages::kAuto}));
  EXPECT_TRUE(shelf_.fits({2 * kMiB, Pages::k4k}));
  EXPECT_FALSE(shelf_.fits({2 * kMiB, Pages::k2m}));
  EXPECT_FALSE(shelf_.fits({4 * kMiB, Pages::kAuto}));
}

TEST_F(ShelfTest, SaysWhatItIs) {
  EXPECT_EQ(to_string(shelf_.kind()), "2 MiB of 4k pages");
  EXPECT_EQ(to_string({.bytes = kGiB, .pages = Pages::k1g, .node = 3}), "1024 MiB of 1g pages on node 3");
}

}  // namespace
}  // namespace mayfly::pool
