// SPDX-License-Identifier: Apache-2.0
// A balloon that keeps memory from devices until they can reach it.
#include "testing/balloon_fixture.hpp"
#include "virtio/balloon.hpp"

namespace mayfly::virtio {
namespace {

class BalloonBridge : public testing::BalloonFixture {
 protected:
  BalloonBridge() : BalloonFixture(BalloonUse::kBridge) {}

  void say_size() {
    driver_->write<std::uint32_t>(kActual, static_cast<std::uint32_t>(balloon_->counts().held_bytes / 4096));
  }
  std::uint64_t target() { return driver_->read<std::uint32_t>(kNumPages) * std::uint64_t{4096}; }
};

TEST_F(BalloonBridge, AsksAnOrdinaryDriverForNothing) {
  start(kOrdinary);
  EXPECT_EQ(target(), 0U);
  start(kEarly);
  EXPECT_EQ(target(), kTarget);
}

TEST_F(BalloonBridge, IsEmptiedStepByStepAsItsMemoryIsReady) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 4 * kUnit}}));
  for (std::uint64_t left = 4; left > 0; --left) {
    say_size();
    EXPECT_EQ(target(), (left - 1) * kUnit);
    EXPECT_TRUE(deflate(std::vector<Entry>{{(6 - left) * kUnit, kUnit}}));
  }
  say_size();
  EXPECT_EQ(held_.asked_ready(), std::vector<std::uint64_t>(4, kUnit));
}

TEST_F(BalloonBridge, KeepsItsSizeUntilMemoryIsReady) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 4 * kUnit}}));
  (void)sink_.take();
  held_.answer(Answer::kLater);
  say_size();
  EXPECT_EQ(target(), kTarget);
  EXPECT_TRUE(sink_.take().empty());
  held_.finish_ready();
  EXPECT_EQ(target(), 3 * kUnit);
  EXPECT_EQ(sink_.take().size(), 1U);
}

TEST_F(BalloonBridge, WhatIsReadyOnceItsDriverIsGoneLowersNothing) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 4 * kUnit}}));
  held_.answer(Answer::kLater);
  say_size();
  driver_->reset();
  held_.finish_all();
  held_.finish_ready();
  EXPECT_EQ(target(), kTarget);
}

TEST_F(BalloonBridge, IsNotNeededOnceDevicesReachAllMemory) {
  start(kEarly);
  held_.set_all_ready();
  start(kEarly);
  EXPECT_EQ(target(), 0U);
}

TEST_F(BalloonBridge, ThatHoldsNothingIsNotEmptied) {
  start(kEarly);
  say_size();
  EXPECT_EQ(target(), kTarget);
  EXPECT_TRUE(held_.asked_ready().empty());
}

}  // namespace
}  // namespace mayfly::virtio
