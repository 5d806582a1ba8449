// SPDX-License-Identifier: Apache-2.0
#include "memory/hole_puncher.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kUnit = HeldMemory::kUnit;
constexpr std::uint64_t kHigh = 4 * kGiB;
using Answer = HeldMemory::Answer;

GuestRange units(std::uint64_t first, std::uint64_t count) {
  return {GuestAddress(first * kUnit), count * kUnit};
}

/// Four units of RAM at 0 and four at 4 GiB, all touched.
class HolePuncherTest : public ::testing::TestWithParam<Pages> {
 protected:
  static constexpr std::uint64_t kBytes = 8 * kUnit;

  HolePuncherTest() { std::memset(backing_.data(), 1, kBytes); }

  Backing backing_{kBytes, GetParam()};
  GuestMemory memory_{
      std::array{GuestMemory::Region{{GuestAddress(0), kBytes / 2}, backing_.data()},
                 GuestMemory::Region{{GuestAddress(kHigh), kBytes / 2}, backing_.data() + kBytes / 2}}};
  HolePuncher puncher_{backing_, memory_};
};

TEST_P(HolePuncherTest, WhatIsHeldGoesBackToTheHost) {
  ASSERT_EQ(backing_.populated(), kBytes);
  EXPECT_TRUE(puncher_.hold(units(1, 2)));
  EXPECT_EQ(backing_.populated(), kBytes - 2 * kUnit);
  EXPECT_TRUE(puncher_.hold({GuestAddress(kHigh + 3 * kUnit), kUnit}));
  EXPECT_EQ(backing_.populated(), kBytes - 3 * kUnit);
}

TEST_P(HolePuncherTest, WhatIsReleasedIsZeroAndTheRestAsItWas) {
  EXPECT_TRUE(puncher_.hold(units(1, 2)));
  EXPECT_EQ(puncher_.release(units(1, 1), {}), Answer::kNow);
  EXPECT_EQ(backing_.data()[kUnit - 1], std::byte{1});
  EXPECT_EQ(backing_.data()[kUnit], std::byte{0});
  EXPECT_EQ(backing_.data()[3 * kUnit], std::byte{1});
  EXPECT_EQ(puncher_.release_all({}), Answer::kNow);
  EXPECT_EQ(backing_.data()[2 * kUnit], std::byte{0});
  EXPECT_EQ(puncher_.next_ready_run(GuestAddress(0)), std::nullopt);
}

TEST_P(HolePuncherTest, WrongRangesAreRefusedAndChangeNothing) {
  EXPECT_TRUE(puncher_.hold(units(1, 2)));
  const std::uint64_t populated = backing_.populated();
  const std::pair<GuestRange, HeldFault> bad[] = {
      {units(0, 0), HeldFault::kEmpty},
      {{GuestAddress(4096), kUnit}, HeldFault::kUnaligned},
      {{GuestAddress(0), kUnit + 4096}, HeldFault::kUnaligned},
      {units(3, 2), HeldFault::kOutsideRam},
      {units(4, 1), HeldFault::kOutsideRam},
      {{GuestAddress(kHigh), ~0ULL - kUnit + 1}, HeldFault::kOutsideRam},
  };
  for (const auto& [range, fault] : bad) {
    const auto held = puncher_.hold(range);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error(), fault);
    const auto released = puncher_.release(range, {});
    ASSERT_FALSE(released);
    EXPECT_EQ(released.error(), fault);
  }
  EXPECT_EQ(puncher_.hold(units(0, 2)).error(), HeldFault::kAlreadyHeld);
  EXPECT_EQ(puncher_.release(units(0, 2), {}).error(), HeldFault::kNotHeld);
  EXPECT_EQ(backing_.populated(), populated);
}

TEST_P(HolePuncherTest, RunsOfHeldMemoryEndWithTheirRangeOfRam) {
  EXPECT_TRUE(puncher_.hold(units(2, 2)));
  EXPECT_TRUE(puncher_.hold({GuestAddress(kHigh), kUnit}));
  EXPECT_EQ(puncher_.next_ready_run(GuestAddress(0)), units(2, 2));
  EXPECT_EQ(puncher_.next_ready_run(GuestAddress(2 * kUnit + 1)), units(3, 1));
  EXPECT_EQ(puncher_.next_ready_run(GuestAddress(4 * kUnit)), (GuestRange{GuestAddress(kHigh), kUnit}));
  EXPECT_EQ(puncher_.next_ready_run(GuestAddress(kHigh + kUnit)), std::nullopt);
}

TEST_P(HolePuncherTest, HasNobodyToWaitFor) {
  EXPECT_EQ(puncher_.settle({}), Answer::kNow);
  EXPECT_EQ(puncher_.when_ready(kUnit, {}), Answer::kNow);
  EXPECT_TRUE(puncher_.is_all_ready());
}

/// Transparent huge pages where the host has them on.
std::vector<Pages> pages_of_this_host() {
  std::vector<Pages> all{Pages::k4k};
  try {
    const Backing probe(kUnit, Pages::kThp);
    all.push_back(Pages::kThp);
  } catch (const Error&) {
    // Not on.
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, HolePuncherTest, ::testing::ValuesIn(pages_of_this_host()),
                         [](const auto& each) { return "Pages" + std::string(name(each.param)); });

/// Huge pages need a host that has some: without, there is nothing to test here (the lab's hosts have them).
class HugePuncherTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Backing> make(std::uint64_t bytes, Pages pages) {
    try {
      return std::make_unique<Backing>(bytes, pages);
    } catch (const Error&) {
      return nullptr;
    }
  }
};

TEST_F(HugePuncherTest, TwoMebibytePagesGoBackAndCome) {
  const auto backing = make(4 * kUnit, Pages::k2m);
  if (!backing) {
    GTEST_SKIP() << "no 2 MiB pages on this host";
  }
  const GuestMemory memory(
      std::array{GuestMemory::Region{{GuestAddress(0), backing->size()}, backing->data()}});
  HolePuncher puncher(*backing, memory);
  std::memset(backing->data(), 1, backing->size());
  EXPECT_TRUE(puncher.hold(units(1, 2)));
  EXPECT_EQ(backing->populated(), 2 * kUnit);
  EXPECT_EQ(puncher.release(units(1, 2), {}), Answer::kNow);
  EXPECT_EQ(backing->data()[kUnit], std::byte{0});
}

TEST_F(HugePuncherTest, AGibibytePageGoesBackOnceAllOfItIsHeld) {
  const auto backing = make(kGiB, Pages::k1g);
  if (!backing) {
    GTEST_SKIP() << "no 1 GiB page on this host";
  }
  const GuestMemory memory(
      std::array{GuestMemory::Region{{GuestAddress(0), backing->size()}, backing->data()}});
  HolePuncher puncher(*backing, memory);
  backing->data()[0] = std::byte{1};
  EXPECT_TRUE(puncher.hold(units(1, 511)));
  EXPECT_EQ(backing->populated(), kGiB);
  EXPECT_TRUE(puncher.hold(units(0, 1)));
  EXPECT_EQ(backing->populated(), 0U);
  EXPECT_EQ(puncher.release(units(5, 1), {}), Answer::kNow);
  EXPECT_EQ(backing->data()[5 * kUnit], std::byte{0});
}

}  // namespace
}  // namespace mayfly
