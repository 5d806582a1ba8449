// SPDX-License-Identifier: Apache-2.0
#include "memory/populate_all.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <numeric>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "memory/backing.hpp"

namespace mayfly {
namespace {

/// Notes what it is asked for, and from a number of calls on refuses.
class NotingPopulate final : public Populate {
 public:
  explicit NotingPopulate(std::size_t calls_max = ~std::size_t{0}) : calls_max_(calls_max) {}

  [[nodiscard]] Result<void, PopulateFault> populate(std::byte* host, std::uint64_t bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    if (asked.size() >= calls_max_) {
      return unexpected(PopulateFault{ENOMEM});
    }
    asked[host] += bytes;
    return {};
  }

  [[nodiscard]] std::uint64_t asked_bytes() const {
    return std::accumulate(asked.begin(), asked.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& piece) { return sum + piece.second; });
  }

  std::map<std::byte*, std::uint64_t> asked;

 private:
  std::mutex mutex_;
  std::size_t calls_max_;
};

class PopulateAllTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Backing memory_{50 * kMiB, Pages::k4k};
  std::array<GuestMemory::Region, 1> regions_{{{{GuestAddress(0), 50 * kMiB}, memory_.data()}}};
};

TEST_P(PopulateAllTest, EachByteIsPopulatedOnce) {
  NotingPopulate populate;
  PopulateAll all(populate, regions_, 2 * kMiB, GetParam());
  ASSERT_TRUE(all.wait().has_value());
  EXPECT_EQ(all.threads(), std::min(GetParam(), 7U));
  EXPECT_EQ(all.populated_bytes(), 50 * kMiB);
  EXPECT_NE(all.end_ns(), 0U);
  std::byte* next = memory_.data();
  for (const auto& [at, bytes] : populate.asked) {
    EXPECT_EQ(at, next);
    next = at + bytes;
  }
  EXPECT_EQ(next, memory_.data() + 50 * kMiB);
}

// Two parts of 3 and 6 MiB: one piece of 8 MiB, which ends in the second, and the rest.
TEST_P(PopulateAllTest, PartsOfMemoryAreEnough) {
  const std::array parts{GuestMemory::Region{{GuestAddress(kMiB), 3 * kMiB}, memory_.data() + kMiB},
                         GuestMemory::Region{{GuestAddress(9 * kMiB), 6 * kMiB}, memory_.data() + 9 * kMiB}};
  NotingPopulate populate;
  PopulateAll all(populate, parts, 64 * kKiB, GetParam());
  ASSERT_TRUE(all.wait().has_value());
  EXPECT_EQ(all.threads(), std::min(GetParam(), 2U));
  EXPECT_EQ(all.populated_bytes(), 9 * kMiB);
  EXPECT_EQ(populate.asked, (std::map<std::byte*, std::uint64_t>{{memory_.data() + kMiB, 3 * kMiB},
                                                                 {memory_.data() + 9 * kMiB, 5 * kMiB},
                                                                 {memory_.data() + 14 * kMiB, kMiB}}));
}

// Which of the seven pieces are had before the refusal, the 2 MiB of the last perhaps, the threads decide.
TEST_P(PopulateAllTest, RefusalIsToldAndEndsIt) {
  NotingPopulate populate(3);
  PopulateAll all(populate, regions_, 2 * kMiB, GetParam());
  const auto done = all.wait();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().errno_value, ENOMEM);
  EXPECT_EQ(populate.asked.size(), 3U);
  EXPECT_EQ(all.populated_bytes(), populate.asked_bytes());
}

TEST_P(PopulateAllTest, MemoryIsThereAfterwards) {
  MadvisePopulate populate;
  PopulateAll all(populate, regions_, 2 * kMiB, GetParam());
  ASSERT_TRUE(all.wait().has_value());
  EXPECT_EQ(memory_.populated(), 50 * kMiB);
}

TEST_P(PopulateAllTest, MayBeGivenUp) {
  MadvisePopulate populate;
  const PopulateAll all(populate, regions_, 2 * kMiB, GetParam());
}

TEST_P(PopulateAllTest, PieceIsAWholePageAtLeast) {
  NotingPopulate populate;
  PopulateAll all(populate, regions_, kGiB, GetParam());
  ASSERT_TRUE(all.wait().has_value());
  EXPECT_EQ(populate.asked.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Threads, PopulateAllTest, testing::Values(1, 2, 5));

TEST(Pieces, AreInOrderAndTheLastIsTheRest) {
  Pieces pieces(10, 4);
  EXPECT_EQ(pieces.take()->offset, 0U);
  EXPECT_EQ(pieces.take()->bytes, 4U);
  const auto last = pieces.take();
  EXPECT_EQ(last->offset, 8U);
  EXPECT_EQ(last->bytes, 2U);
  EXPECT_FALSE(pieces.take().has_value());
  EXPECT_FALSE(pieces.take().has_value());
}

TEST(Pieces, NoneComesAfterTheStop) {
  Pieces pieces(10, 4);
  pieces.stop();
  EXPECT_FALSE(pieces.take().has_value());
}

TEST(PopulateAll, TakesAThreadAtLeast) {
  EXPECT_GE(threads_for_all_cpus(), 1U);
  EXPECT_LE(threads_for_all_cpus(), PopulateAll::kThreadsMax);
}

}  // namespace
}  // namespace mayfly
