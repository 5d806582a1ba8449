// SPDX-License-Identifier: Apache-2.0
#include "vmm/pause_gate.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::vmm {
namespace {

using namespace std::chrono_literals;

/// Threads that count, and come to the gate in between, as vCPUs do.
class PauseGateTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kThreads = 3;

  void SetUp() override {
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] {
        while (!stop_.load()) {
          if (gate_.is_closed()) {
            gate_.hold();
          }
          ++turns_;
        }
        gate_.leave();
      });
    }
  }
  ~PauseGateTest() override { join(); }
  void join() {
    stop_ = true;
    gate_.open();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

  PauseGate gate_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> turns_{0};
  std::vector<std::thread> threads_;
};

TEST_F(PauseGateTest, NobodyGoesOnWhileItIsClosed) {
  for (int i = 0; i < 50; ++i) {
    gate_.close();
    ASSERT_TRUE(gate_.wait_for(kThreads, 20s));
    const std::uint64_t before = turns_;
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(turns_, before);
    gate_.open();
    while (turns_ == before) {
      std::this_thread::yield();
    }
  }
}

TEST_F(PauseGateTest, WaitGivesUpWhereOneDoesNotCome) {
  gate_.close();
  EXPECT_FALSE(gate_.wait_for(kThreads + 1, 20ms));
}

TEST_F(PauseGateTest, WhoHasLeftIsNotWaitedFor) {
  join();
  gate_.close();
  EXPECT_TRUE(gate_.wait_for(kThreads, 20s));
}

}  // namespace
}  // namespace mayfly::vmm
