// SPDX-License-Identifier: Apache-2.0
// The map with its real threads. FakeIommu ends the test at an overlap or a wrong unmap.
#include "vfio/dma_map.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <random>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/fake_iommu.hpp"
#include "testing/fake_populate.hpp"
#include "vfio/dma_gate.hpp"

namespace mayfly::vfio {
namespace {

using Answer = HeldMemory::Answer;
using Done = HeldMemory::Done;
using testing::FakeIommu;
using testing::FakePopulate;
using testing::GivenPopulate;

constexpr std::uint64_t kPiece = 8 * kMiB;
constexpr std::uint64_t kLow = 64 * kMiB;
constexpr std::uint64_t kHigh = 4 * kGiB;
constexpr std::uint64_t kHighBytes = 252 * kMiB;

constexpr GuestRange range(std::uint64_t start, std::uint64_t bytes) { return {GuestAddress(start), bytes}; }

DmaMapConfig config(Background background) {
  return {.rules = {.pieces = {.piece_bytes = kPiece, .window_bytes = 2 * kPiece},
                    .busy_merge_bytes = 2 * kPiece,
                    .idle_merge_bytes = 8 * kPiece,
                    .background = background},
          .populate_threads = 2};
}

class DmaMapTest : public ::testing::Test {
 protected:
  std::unique_ptr<DmaMap> start(const DmaMapConfig& with, DmaMap::OnFailure on_failure = {}) {
    std::byte* host = testing::nowhere();
    const std::array ram{GuestMemory::Region{range(0, kLow), host},
                         GuestMemory::Region{range(kHigh, kHighBytes), host + kLow}};
    return std::make_unique<DmaMap>(iommu_, populate_, ram, with, on_failure);
  }
  /// Waits until everything is mapped.
  static void finish(DmaMap& map) {
    map.begin_background();
    EXPECT_EQ(map.wait_settled(), DmaMap::Settled::kYes);
    std::binary_semaphore all(0);
    if (map.when_ready(~0ULL, Done{&wake, &all, 0}) == Answer::kLater) {
      all.acquire();
    }
  }
  /// Waits until the window is mapped, or the host has refused.
  static void await_window(const DmaMap& map) {
    while (map.counters().window_mapped_ns == 0 && !map.failure().has_value()) {
      std::this_thread::yield();
    }
  }
  static void wake(void* owner, std::uint64_t /*cookie*/) noexcept {
    static_cast<std::binary_semaphore*>(owner)->release();
  }

  FakeIommu iommu_;
  FakePopulate populate_;
};

TEST_F(DmaMapTest, MapsAllOfRamOnceAndUnmapsItAtTheEnd) {
  auto map = start(config(Background::kAtOnce));
  finish(*map);
  EXPECT_TRUE(map->is_all_ready());
  EXPECT_TRUE(iommu_.reaches(range(0, kLow)));
  EXPECT_TRUE(iommu_.reaches(range(kHigh, kHighBytes)));
  EXPECT_FALSE(iommu_.reaches(range(kLow, 4096)));
  const DmaCounters counters = map->counters();
  EXPECT_EQ(counters.mapped_bytes, kLow + kHighBytes);
  EXPECT_EQ(counters.populated_bytes, kLow + kHighBytes);
  EXPECT_EQ(populate_.bytes(), kLow + kHighBytes);
  EXPECT_EQ(counters.entries, iommu_.made().size());
  EXPECT_EQ(counters.map.count, iommu_.made().size());
  EXPECT_EQ(counters.populate.count, (kLow + kHighBytes) / (4 * kMiB));  // in steps
  map.reset();
  EXPECT_EQ(iommu_.entries(), 0U);
}

TEST_F(DmaMapTest, OnlyTheWindowIsMappedUntilTold) {
  auto map = start(config(Background::kWhenTold));
  await_window(*map);
  EXPECT_TRUE(iommu_.reaches(range(0, 2 * kPiece)));
  EXPECT_EQ(map->counters().mapped_bytes, 2 * kPiece);
  EXPECT_NE(map->counters().window_mapped_ns, 0U);
  EXPECT_NO_THROW(map->guest_starts());
}

TEST_F(DmaMapTest, ADeviceReachesReleasedMemoryByTheTimeOfTheAnswer) {
  auto map = start(config(Background::kWhenTold));
  ASSERT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  struct Check {
    FakeIommu& iommu;
    GuestRange released;
    std::atomic<bool> reached{false};
    std::binary_semaphore answered{0};
  } check{iommu_, range(kHigh + 16 * kMiB, 24 * kMiB)};
  const auto answer = map->release(check.released, Done{[](void* owner, std::uint64_t) noexcept {
                                                          auto& self = *static_cast<Check*>(owner);
                                                          self.reached = self.iommu.reaches(self.released);
                                                          self.answered.release();
                                                        },
                                                        &check, 0});
  ASSERT_EQ(answer, Answer::kLater);
  check.answered.acquire();
  EXPECT_TRUE(check.reached);
  EXPECT_EQ(map->counters().releases_later.count, 1U);
}

TEST_F(DmaMapTest, TheGateOpensWhenAllThatIsNotHeldIsMapped) {
  auto map = start(config(Background::kWhenTold));
  ASSERT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  EXPECT_EQ(map->wait_settled(), DmaMap::Settled::kYes);
  EXPECT_TRUE(iommu_.reaches(range(0, kLow)));
  EXPECT_EQ(map->counters().mapped_bytes, kLow);
  EXPECT_EQ(map->wait_settled(), DmaMap::Settled::kYes);
}

TEST_F(DmaMapTest, HoldingTheRestOpensTheGate) {
  iommu_.allow(0);
  auto map = start(config(Background::kWhenTold));
  iommu_.wait_for_calls(1);  // the window's, which now hangs
  std::thread gate([&map] { EXPECT_EQ(map->wait_settled(), DmaMap::Settled::kYes); });
  populate_.wait_for_more_than(2 * kPiece);  // since somebody waits
  EXPECT_TRUE(map->hold(range(0, kLow)).has_value());
  EXPECT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  gate.join();
  EXPECT_EQ(map->counters().mapped_bytes, 0U);
  iommu_.allow(FakeIommu::kUnlimited);
}

TEST_F(DmaMapTest, GateIsOpenOnceAllIsMapped) {
  auto map = start(config(Background::kWhenTold));
  EXPECT_EQ(DmaGate(*map).pass(), BusMasterGate::Passage::kOpen);
  EXPECT_TRUE(iommu_.reaches(range(0, kLow)) && iommu_.reaches(range(kHigh, kHighBytes)));
}

TEST_F(DmaMapTest, WhatWasMappedBeforeTheBackgroundBeganIsCounted) {
  auto map = start(config(Background::kWhenTold));
  await_window(*map);
  EXPECT_EQ(map->counters().foreground_bytes, std::nullopt);
  finish(*map);
  EXPECT_EQ(map->counters().foreground_bytes, 2 * kPiece);
  const DmaCounters counters = map->counters();
  EXPECT_LE(counters.populate.begin_ns, counters.map.begin_ns);
  EXPECT_LE(counters.map.begin_ns, counters.window_mapped_ns);
  EXPECT_EQ(counters.map.end_ns, counters.all_mapped_ns);
}

TEST_F(DmaMapTest, WhatAPauseComesUponGoesOnWhenTold) {
  for (int round = 0; round < 50; ++round) {
    auto with = config(Background::kAhead);
    with.rules.pieces.piece_bytes = 64 * kMiB;  // several steps
    auto map = start(with);
    if (round % 2 == 0) {
      await_window(*map);
    }
    map->pause_background();
    const DmaCounters counters = map->counters();
    EXPECT_LE(counters.ahead_bytes, counters.mapped_bytes);  // a map that was under way may have ended
    finish(*map);
    EXPECT_EQ(map->counters().populated_bytes, kLow + kHighBytes);
    EXPECT_TRUE(iommu_.reaches(range(0, kLow)) && iommu_.reaches(range(kHigh, kHighBytes)));
    map.reset();
  }
}

TEST_F(DmaMapTest, AThreadThatAPauseComesUponServesWhoWaitsForAnotherPiece) {
  auto with = config(Background::kAhead);
  with.rules.pieces.piece_bytes = 64 * kMiB;
  with.populate_threads = 1;
  GivenPopulate populate(2 * kPiece / (4 * kMiB) + 1);
  std::byte* host = testing::nowhere();
  const std::array ram{GuestMemory::Region{range(0, kLow), host},
                       GuestMemory::Region{range(kHigh, kHighBytes), host + kLow}};
  DmaMap map(iommu_, populate, ram, with, {});
  populate.await_wait();  // within a piece behind the window
  map.pause_background();
  ASSERT_TRUE(map.hold(range(kHigh, kHighBytes)).has_value());
  populate.give(1);  // now it rests
  std::binary_semaphore answered(0);
  const auto answer = map.release(range(kHigh + 128 * kMiB, 2 * kMiB), Done{&wake, &answered, 0});
  populate.give(1000);
  ASSERT_EQ(answer, Answer::kLater);
  EXPECT_TRUE(answered.try_acquire_for(std::chrono::seconds(20)));
}

TEST_F(DmaMapTest, StopEndsAWaitAtTheGate) {
  iommu_.allow(0);
  auto map = start(config(Background::kWhenTold));
  iommu_.wait_for_calls(1);
  std::thread gate([&map] { EXPECT_EQ(DmaGate(*map).pass(), BusMasterGate::Passage::kClosed); });
  populate_.wait_for_more_than(2 * kPiece);  // since somebody waits
  map->request_stop();
  gate.join();
  iommu_.allow(FakeIommu::kUnlimited);
}

TEST_F(DmaMapTest, AFailureBeforeTheGuestStartsIsAnErrorWithTheMend) {
  iommu_.refuse_from(GuestAddress(0), ENOMEM);
  auto map = start(config(Background::kWhenTold));
  await_window(*map);
  try {
    map->guest_starts();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("ulimit -l"), std::string::npos) << error.what();
  }
  map.reset();
  EXPECT_EQ(iommu_.entries(), 0U);
}

TEST_F(DmaMapTest, AFailureToPopulateIsAnErrorToo) {
  populate_.refuse(ENOMEM);
  auto map = start(config(Background::kWhenTold));
  await_window(*map);
  EXPECT_EQ(map->failure()->step, DmaFailure::Step::kPopulate);
  EXPECT_THROW(map->guest_starts(), Error);
  EXPECT_TRUE(iommu_.made().empty());
}

TEST_F(DmaMapTest, AFailureAfterTheGuestStartedIsToldOnceAndNothingIsAnswered) {
  struct Told {
    std::atomic<int> times{0};
    std::binary_semaphore first{0};
  } told;
  auto map = start(config(Background::kWhenTold), {[](void* owner) noexcept {
                                                     auto& self = *static_cast<Told*>(owner);
                                                     if (++self.times == 1) {
                                                       self.first.release();
                                                     }
                                                   },
                                                   &told});
  await_window(*map);
  map->guest_starts();
  ASSERT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  iommu_.refuse_from(GuestAddress(kHigh), ENOMEM);
  std::atomic<bool> answered{false};
  const Done done{[](void* owner, std::uint64_t) noexcept { *static_cast<std::atomic<bool>*>(owner) = true; },
                  &answered, 0};
  EXPECT_EQ(map->release(range(kHigh, kHighBytes), done), Answer::kLater);
  told.first.acquire();
  EXPECT_EQ(map->failure()->errno_value, ENOMEM);
  EXPECT_NE(map->describe_failure().find("cannot map"), std::string::npos);
  EXPECT_EQ(map->wait_settled(), DmaMap::Settled::kFailed);
  EXPECT_EQ(DmaGate(*map).pass(), BusMasterGate::Passage::kClosed);
  // What is mapped is still given back.
  ASSERT_TRUE(map->hold(range(0, kPiece)).has_value());
  EXPECT_EQ(map->release(range(0, kPiece), done), Answer::kNow);
  map.reset();
  EXPECT_FALSE(answered);
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(iommu_.entries(), 0U);
}

TEST_F(DmaMapTest, TooLittleLockableMemoryIsFoundBeforeAnythingIsMapped) {
  DmaMapConfig with = config(Background::kAtOnce);
  with.memlock_limit = 64 * kKiB;
  EXPECT_THROW((void)start(with), Error);
  EXPECT_TRUE(iommu_.made().empty());
}

TEST_F(DmaMapTest, ForgetWaitsForTheCallThatIsRunning) {
  auto map = start(config(Background::kWhenTold));
  ASSERT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  struct Owner {
    std::binary_semaphore running{0};
    std::binary_semaphore go_on{0};
    std::atomic<bool> ended{false};
  } owner;
  ASSERT_EQ(map->release(range(kHigh, kPiece), Done{[](void* of, std::uint64_t) noexcept {
                                                      auto& self = *static_cast<Owner*>(of);
                                                      self.running.release();
                                                      self.go_on.acquire();
                                                      self.ended = true;
                                                    },
                                                    &owner, 0}),
            Answer::kLater);
  owner.running.acquire();
  std::thread forgetting([&] {
    map->forget(&owner);
    EXPECT_TRUE(owner.ended);
  });
  owner.go_on.release();
  forgetting.join();
}

TEST_F(DmaMapTest, ADoneMayAskAgainUnderItsOwnersLock) {
  auto map = start(config(Background::kWhenTold));
  ASSERT_TRUE(map->hold(range(kHigh, kHighBytes)).has_value());
  struct Balloon {
    DmaMap& memory;
    std::mutex mutex;
    std::uint64_t next = kHigh;
    std::binary_semaphore empty{0};
    void deflate() noexcept {
      while (next < kHigh + kHighBytes) {
        const GuestRange part = range(next, 2 * kMiB);
        next += 2 * kMiB;
        if (memory.release(part, Done{&done, this, 0}) == Answer::kLater) {
          return;
        }
      }
      empty.release();
    }
    static void done(void* owner, std::uint64_t /*cookie*/) noexcept {
      auto& self = *static_cast<Balloon*>(owner);
      const std::lock_guard lock(self.mutex);
      self.deflate();
    }
  } balloon{*map, {}, kHigh, std::binary_semaphore(0)};
  {
    const std::lock_guard lock(balloon.mutex);
    balloon.deflate();
  }
  balloon.empty.acquire();
  EXPECT_TRUE(map->is_all_ready() || map->counters().held_bytes == 0);
}

// Front ends, devices and the map at once, in an order that differs from run to run: what a guest was given
// back a device reaches, at once and for ever.
void hammer(FakeIommu& iommu, DmaMap& map, std::uint64_t start, std::uint32_t seed) {
  std::minstd_rand random(seed);
  const auto unit = [&random] { return random() % (kHighBytes / 2 / HeldMemory::kUnit); };
  std::binary_semaphore answered(0);
  const Done done{
      [](void* owner, std::uint64_t) noexcept { static_cast<std::binary_semaphore*>(owner)->release(); },
      &answered, 0};
  for (int step = 0; step < 200; ++step) {
    const GuestRange part = range(start + unit() * HeldMemory::kUnit, HeldMemory::kUnit);
    if (random() % 2 == 0) {
      (void)map.hold(part);
      continue;
    }
    const auto answer = map.release(part, done);
    if (answer == Answer::kLater) {
      answered.acquire();
    }
    if (answer.has_value()) {
      EXPECT_TRUE(iommu.reaches(part));
    }
    (void)map.next_ready_run(GuestAddress(start));
  }
}

class DmaMapStressTest : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(DmaMapStressTest, NobodyIsAnsweredBeforeItIsTrue) {
  for (std::uint32_t round = 0; round < 20; ++round) {
    FakeIommu iommu({.max_entries = 24, .parallel_mappers = GetParam()});
    FakePopulate populate;
    std::byte* host = testing::nowhere();
    const std::array ram{GuestMemory::Region{range(0, kLow), host},
                         GuestMemory::Region{range(kHigh, kHighBytes), host + kLow}};
    DmaMap map(iommu, populate, ram, config(round % 2 == 0 ? Background::kAtOnce : Background::kWhenTold),
               {});
    ASSERT_TRUE(map.hold(range(kHigh, kHighBytes / 2)).has_value());
    std::thread a([&] { hammer(iommu, map, kHigh, round); });
    std::thread b([&] { hammer(iommu, map, kHigh + 126 * kMiB, round + 100); });
    std::thread gate([&] {
      EXPECT_EQ(map.wait_settled(), DmaMap::Settled::kYes);
      EXPECT_TRUE(iommu.reaches(range(0, kLow)));
    });
    map.begin_background();
    a.join();
    b.join();
    gate.join();
  }
}

INSTANTIATE_TEST_SUITE_P(Mappers, DmaMapStressTest, ::testing::Values(1U, 4U));

}  // namespace
}  // namespace mayfly::vfio
