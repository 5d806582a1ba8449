// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk_workers.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "testing/blk_fixture.hpp"

namespace mayfly::vmm {
namespace {

using namespace std::chrono_literals;
using testing::BlkFixture;

/// A disk whose calls the test holds up.
class DiskWorkersTest : public BlkFixture {
 protected:
  explicit DiskWorkersTest(const RateLimits& limits = {}) : BlkFixture({.bytes = kDiskBytes}, limits) {
    store_.on_call = [this](std::string_view) {
      const int call = ++begun_;
      while (held_ && call <= last_held_) {
        std::this_thread::yield();
      }
      ++ended_;
    };
  }
  ~DiskWorkersTest() override {
    held_ = false;
    workers_.stop();
  }
  // The sanitizer does not know the fences of a ring, so what a driver does is done with the device locked.
  void ask(int requests) {
    for (int i = 0; i < requests; ++i) {
      const std::lock_guard lock(blk_->mutex());
      ring_.chain().readable(header(virtio::kBlkOut, 1) + std::string(512, 'x')).writable(1).publish();
    }
    driver_->notify(0);
  }
  [[nodiscard]] std::uint16_t answers() const {
    const std::lock_guard lock(blk_->mutex());
    return ring_.used_index();
  }
  void wait_for_answers(std::uint16_t count) const {
    while (answers() != count) {
      std::this_thread::yield();
    }
  }
  static void wait_for(const std::atomic<int>& value, int wanted) {
    while (value < wanted) {
      std::this_thread::yield();
    }
  }

  static constexpr int kWorkers = 3;
  PauseGate gate_;
  std::atomic<bool> held_{false};
  int last_held_ = 1000;
  std::atomic<int> begun_{0};
  std::atomic<int> ended_{0};
  DiskWorkers workers_{*blk_, gate_, kWorkers};
};

TEST_F(DiskWorkersTest, AreFew) {
  EXPECT_EQ(DiskWorkers::count_for(1), 2U);
  EXPECT_EQ(DiskWorkers::count_for(3), 3U);
  EXPECT_EQ(DiskWorkers::count_for(64), 4U);
}

TEST_F(DiskWorkersTest, AnswerAllThatADriverAsks) {
  workers_.start();
  for (const std::uint64_t features : {kUsual, kUsual | virtio::kFeatureEventIndex}) {
    run(features);
    for (std::uint16_t round = 1; round <= 200; ++round) {
      ask(round % 10 + 1);
      wait_for_answers(ring_.avail_index());
    }
  }
}

// However few times it rings.
TEST_F(DiskWorkersTest, WorkOnSeveralRequestsAtOnce) {
  for (const std::uint64_t features : {kUsual, kUsual | virtio::kFeatureEventIndex}) {
    begun_ = 0;
    held_ = true;
    if (features == kUsual) {
      workers_.start();
    }
    run(features);
    ask(8);
    wait_for(begun_, kWorkers);
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(begun_, kWorkers) << "no more than there are threads";
    held_ = false;
    wait_for_answers(8);
  }
}

TEST_F(DiskWorkersTest, ASlowRequestKeepsNoOtherWaiting) {
  held_ = true;
  last_held_ = 1;
  workers_.start();
  run(kUsual | virtio::kFeatureEventIndex);
  ask(1);
  wait_for(begun_, 1);
  for (std::uint16_t i = 1; i <= 20; ++i) {
    ask(1);
    wait_for_answers(i);
  }
  held_ = false;
  wait_for_answers(21);
}

TEST_F(DiskWorkersTest, HoldStillWhileTheMachineIsPaused) {
  workers_.start();
  run(kUsual);
  for (int i = 0; i < 20; ++i) {
    ask(2);
    gate_.close();
    workers_.interrupt();
    ASSERT_TRUE(gate_.wait_for(kWorkers, 20s));
    const std::uint16_t before = answers();
    EXPECT_EQ(begun_, ended_) << "nothing is under way";
    ask(2);
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(answers(), before);
    gate_.open();
    wait_for_answers(ring_.avail_index());
  }
}

// A guest that always asks for more does not keep them from the gate.
TEST_F(DiskWorkersTest, HoldStillWithMuchLeftToDo) {
  workers_.start();
  run(kUsual);
  held_ = true;
  ask(20);
  wait_for(begun_, kWorkers);
  gate_.close();
  workers_.interrupt();
  held_ = false;
  ASSERT_TRUE(gate_.wait_for(kWorkers, 20s));
  EXPECT_EQ(answers(), kWorkers);
  gate_.open();
  wait_for_answers(20);
}

TEST_F(DiskWorkersTest, APauseWaitsForWhatIsUnderWay) {
  workers_.start();
  run(kUsual);
  held_ = true;
  ask(1);
  wait_for(begun_, 1);
  gate_.close();
  workers_.interrupt();
  EXPECT_FALSE(gate_.wait_for(kWorkers, 20ms));
  held_ = false;
  EXPECT_TRUE(gate_.wait_for(kWorkers, 20s));
  gate_.open();
}

TEST_F(DiskWorkersTest, TheirEndWaitsForWhatIsUnderWayAndForNothingElse) {
  workers_.start();
  run(kUsual);
  held_ = true;
  ask(20);
  wait_for(begun_, kWorkers);
  std::thread end([this] { workers_.stop(); });
  std::this_thread::sleep_for(5ms);
  held_ = false;
  end.join();
  EXPECT_EQ(begun_, ended_);
  EXPECT_LT(begun_, 20);
}

TEST_F(DiskWorkersTest, TheirEndIsNotWaitedForAtTheGate) {
  workers_.start();
  workers_.stop();
  gate_.close();
  EXPECT_TRUE(gate_.wait_for(kWorkers, 20s));
}

TEST_F(DiskWorkersTest, EndBeforeTheyHaveBegun) { workers_.stop(); }

/// Of a disk that owes for minutes what its first request took.
class HeldDiskWorkersTest : public DiskWorkersTest {
 protected:
  HeldDiskWorkersTest() : DiskWorkersTest({.bytes = {.per_second = 1, .burst = 1}}) {
    workers_.start();
    run(kUsual);
    ask(4);
    wait_for_answers(1);
  }
};

// What is counted are looks at the clock, of which each look at the queue is one, and each sleep another.
TEST_F(HeldDiskWorkersTest, AGuestThatRingsAndRingsWakesNobody) {
  for (int i = 0; i < 5000; ++i) {
    driver_->notify(0);
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(20ms);
  EXPECT_LE(clock_reads_, 2 + 3 * 2 * kWorkers);
  EXPECT_EQ(answers(), 1);
}

TEST_F(HeldDiskWorkersTest, AreHeldAtTheGateAtOnceAndAfterItAsBefore) {
  for (int i = 0; i < 20; ++i) {
    gate_.close();
    workers_.interrupt();
    ASSERT_TRUE(gate_.wait_for(kWorkers, 20s));
    gate_.open();
    driver_->notify(0);
    std::this_thread::yield();
  }
  EXPECT_EQ(answers(), 1);
}

TEST_F(HeldDiskWorkersTest, GoOnWhenTheTimeHasCome) {
  for (std::uint16_t i = 2; i <= 4; ++i) {
    now_ns_ += 512'000'000'000;
    while (answers() != i) {
      workers_.interrupt();
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(answers(), i);
  }
}

TEST_F(HeldDiskWorkersTest, AResetAndTheEndWaitForNothing) {
  driver_->reset();
  run(kUsual);
  ask(1);
  workers_.stop();
  EXPECT_EQ(answers(), 0);
  EXPECT_EQ(begun_, 1);
}

/// Of a disk that does a request each 5 ms, by the host's clock.
class SlowDiskWorkersTest : public DiskWorkersTest {
 protected:
  SlowDiskWorkersTest() : DiskWorkersTest({.operations = {.per_second = 200, .burst = 1}}) { now_ns_ = 0; }
};

TEST_F(SlowDiskWorkersTest, AnswerAllAndNotTooEarly) {
  workers_.start();
  run(kUsual | virtio::kFeatureEventIndex);
  const std::uint64_t begin = monotonic_ns();
  ask(41);
  wait_for_answers(41);
  EXPECT_GE(monotonic_ns() - begin, 200'000'000U);
  EXPECT_EQ(begun_, 41);
}

}  // namespace
}  // namespace mayfly::vmm
