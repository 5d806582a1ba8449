// SPDX-License-Identifier: Apache-2.0
#include "vmm/lazy_memory.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "testing/fake_held_memory.hpp"

namespace mayfly::vmm {
namespace {

using Answer = HeldMemory::Answer;

constexpr std::uint64_t kUnitPages = HeldMemory::kUnit / (4 * kKiB);
constexpr std::uint64_t kStart = 4 * kGiB;

class LazyMemoryTest : public ::testing::Test {
 protected:
  std::int64_t call(std::uint64_t unit, std::uint64_t units, std::uint64_t attributes) {
    unsigned long long unused = 0;
    return memory_.answer({.address = kStart + unit * HeldMemory::kUnit,
                           .pages = units * kUnitPages,
                           .attributes = attributes,
                           .answer = &unused});
  }
  void wait_until_asked() const {
    while (held_.waiting() == 0) {
      std::this_thread::yield();
    }
  }

  testing::FakeHeldMemory held_{{GuestAddress(kStart), kGiB}};
  LazyMemory memory_{held_};
};

TEST_F(LazyMemoryTest, PrivateIsHeldUntilItIsShared) {
  EXPECT_EQ(call(1, 3, LazyMemory::kPrivate), LazyMemory::kDone);
  EXPECT_EQ(held_.held().size(), 3U);
  EXPECT_EQ(call(1, 2, 0), LazyMemory::kDone);
  EXPECT_EQ(held_.held(),
            (std::vector{GuestRange{GuestAddress(kStart + 3 * HeldMemory::kUnit), HeldMemory::kUnit}}));
}

TEST_F(LazyMemoryTest, SharingWaitsUntilDevicesReachTheMemory) {
  ASSERT_EQ(call(0, 8, LazyMemory::kPrivate), LazyMemory::kDone);
  held_.answer(Answer::kLater);
  std::atomic<bool> answered{false};
  std::thread vcpu([&] {
    EXPECT_EQ(call(0, 8, 0), LazyMemory::kDone);
    answered = true;
  });
  wait_until_asked();
  EXPECT_FALSE(answered);
  held_.finish_all();
  vcpu.join();
  EXPECT_TRUE(answered);
}

TEST_F(LazyMemoryTest, EachVcpuWaitsForItsOwnMemory) {
  ASSERT_EQ(call(0, 2, LazyMemory::kPrivate), LazyMemory::kDone);
  held_.answer(Answer::kLater);
  std::atomic<int> answered{0};
  std::thread first([&] {
    EXPECT_EQ(call(0, 1, 0), LazyMemory::kDone);
    ++answered;
  });
  wait_until_asked();
  std::thread second([&] {
    EXPECT_EQ(call(1, 1, 0), LazyMemory::kDone);
    ++answered;
  });
  while (held_.waiting() < 2) {
    std::this_thread::yield();
  }
  held_.finish_one();
  first.join();
  EXPECT_EQ(answered, 1);
  held_.finish_one();
  second.join();
}

TEST_F(LazyMemoryTest, WhoDoesNotWantToWaitIsToldToTryAgainAndLosesNothing) {
  ASSERT_EQ(call(0, 4, LazyMemory::kPrivate), LazyMemory::kDone);
  held_.answer(Answer::kLater);
  EXPECT_EQ(call(0, 4, LazyMemory::kDoNotWait), LazyMemory::kAgain);
  EXPECT_EQ(held_.held().size(), 4U);
  EXPECT_EQ(held_.waiting(), 0U);
  held_.answer(Answer::kNow);
  EXPECT_EQ(call(0, 5, LazyMemory::kDoNotWait), LazyMemory::kAgain) << "not all of it is held";
  EXPECT_EQ(call(0, 4, LazyMemory::kDoNotWait), LazyMemory::kDone);
  EXPECT_TRUE(held_.held().empty());
}

TEST_F(LazyMemoryTest, WhatMayNotBeAskedForIsRefusedAndChangesNothing) {
  EXPECT_EQ(call(0, 0, LazyMemory::kPrivate), LazyMemory::kInvalid);
  EXPECT_EQ(call(0, 513, LazyMemory::kPrivate), LazyMemory::kInvalid);
  EXPECT_EQ(call(0, 1, 0), LazyMemory::kInvalid) << "not held";
  EXPECT_EQ(call(0, 1, LazyMemory::kPrivate | LazyMemory::kDoNotWait), LazyMemory::kInvalid);
  EXPECT_EQ(call(0, 1, 1), LazyMemory::kInvalid);
  unsigned long long unused = 0;
  EXPECT_EQ(memory_.answer({kStart, ~std::uint64_t{0}, LazyMemory::kPrivate, &unused}), LazyMemory::kInvalid);
  EXPECT_EQ(memory_.answer({kStart, std::uint64_t{1} << 52U, LazyMemory::kPrivate, &unused}),
            LazyMemory::kInvalid);
  EXPECT_EQ(memory_.answer({~std::uint64_t{0} & ~0xfffULL, kUnitPages, LazyMemory::kPrivate, &unused}),
            LazyMemory::kInvalid);
  EXPECT_TRUE(held_.held().empty());
}

TEST_F(LazyMemoryTest, AllThatIsPrivateIsSharedAtOnceWhereverItIs) {
  unsigned long long unused = 0;
  const kvm::MapRange all{.address = 0, .pages = LazyMemory::kAllPages, .attributes = 0, .answer = &unused};
  EXPECT_EQ(memory_.answer(all), LazyMemory::kDone) << "nothing is";
  ASSERT_EQ(call(1, 3, LazyMemory::kPrivate), LazyMemory::kDone);
  ASSERT_EQ(call(7, 1, LazyMemory::kPrivate), LazyMemory::kDone);
  held_.answer(Answer::kLater);
  std::atomic<bool> answered{false};
  std::thread vcpu([&] {
    EXPECT_EQ(memory_.answer(all), LazyMemory::kDone);
    answered = true;
  });
  wait_until_asked();
  EXPECT_FALSE(answered);
  held_.finish_all();
  vcpu.join();
  EXPECT_TRUE(held_.held().empty());
  EXPECT_EQ(memory_.answer({0, LazyMemory::kAllPages - 1, 0, &unused}), LazyMemory::kInvalid);
  EXPECT_EQ(memory_.answer({0, LazyMemory::kAllPages, LazyMemory::kPrivate, &unused}), LazyMemory::kInvalid);
}

TEST_F(LazyMemoryTest, StopEndsAWaitAndLaterOnesToo) {
  ASSERT_EQ(call(0, 2, LazyMemory::kPrivate), LazyMemory::kDone);
  held_.answer(Answer::kLater);
  std::thread vcpu([&] { static_cast<void>(call(0, 1, 0)); });
  wait_until_asked();
  memory_.request_stop();
  vcpu.join();
  static_cast<void>(call(1, 1, 0));
  held_.finish_all();
}

TEST_F(LazyMemoryTest, MoreCallsThanVcpusOneAfterTheOther) {
  for (int round = 0; round < 200; ++round) {
    ASSERT_EQ(call(0, 1, LazyMemory::kPrivate), LazyMemory::kDone);
    ASSERT_EQ(call(0, 1, 0), LazyMemory::kDone);
  }
}

}  // namespace
}  // namespace mayfly::vmm
