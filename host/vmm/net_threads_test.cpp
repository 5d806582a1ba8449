// SPDX-License-Identifier: Apache-2.0
// A network device whose pairs of queues have a thread each, as they have in a run.
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "testing/net_pairs_fixture.hpp"
#include "vmm/io_thread.hpp"

// What a driver's rings have is ordered by fences, as a guest's is, and ThreadSanitizer sees none.
extern "C" const char* __tsan_default_suppressions() { return "race:mayfly::testing::FakeDriverRing"; }

namespace mayfly::vmm {
namespace {

using namespace std::chrono_literals;

class NetThreadsTest : public testing::NetPairsBase {
 protected:
  static constexpr std::size_t kBatch = 8;

  NetThreadsTest() {
    for (auto& thread : threads_) {
      thread = std::make_unique<IoThread>(gate_, sandbox::ThreadKind::kIo);
    }
    make_pairs({threads_[0].get(), threads_[1].get(), threads_[2].get()}, {}, {});
    for (auto& thread : threads_) {
      thread->start();
    }
  }
  ~NetThreadsTest() override {
    for (auto& thread : threads_) {
      thread->stop();
    }
    // The device goes before what it refers to.
    transport_.reset();
  }
  /// Packets out and in, for each pair; none is waited for.
  void put_batches() {
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        rings_[2 * pair + 1].chain().readable(packet("out")).publish();
        rings_[2 * pair].chain().writable(256).publish();
        // Where nobody takes them, no more has room at last.
        (void)ports_[pair].put(packet("in"));
      }
      driver_->notify(static_cast<std::uint16_t>(2 * pair));
      driver_->notify(static_cast<std::uint16_t>(2 * pair + 1));
    }
  }
  void wait_until_used(std::size_t queue, std::uint16_t count) const {
    while (rings_[queue].used_index() != count) {
      std::this_thread::yield();
    }
  }
  void empty_networks() const {
    for (const auto& port : ports_) {
      while (port.next()) {
      }
    }
  }

  PauseGate gate_;
  std::array<std::unique_ptr<IoThread>, kPairs> threads_;
};

TEST_F(NetThreadsTest, EachPairCarriesWhatIsItsOwn) {
  run(kSeveral);
  ASSERT_EQ(use_pairs(kPairs), virtio::kNetAckOk);
  for (std::uint16_t round = 1; round <= 20; ++round) {
    put_batches();
    for (std::size_t queue = 0; queue < kControl; ++queue) {
      wait_until_used(queue, static_cast<std::uint16_t>(kBatch * round));
    }
    for (const auto& port : ports_) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        ASSERT_EQ(port.next(), packet("out"));
      }
    }
  }
  EXPECT_EQ(net_->counts().sent_packets, 20 * kBatch * kPairs);
  EXPECT_EQ(net_->counts().received_packets, 20 * kBatch * kPairs);
}

// Whatever a thread is about to do: when the reset has returned it does nothing more with the driver's
// memory.
TEST_F(NetThreadsTest, AResetEndsTheTurnsOfAll) {
  std::atomic<bool> is_over{false};
  std::thread observer([&] {
    while (!is_over.load()) {
      (void)net_->counts();
    }
  });
  for (unsigned round = 0; round < 200; ++round) {
    run(kSeveral);
    EXPECT_EQ(use_pairs(static_cast<unsigned>(1 + round % kPairs)), virtio::kNetAckOk);
    put_batches();
    driver_->reset();
    std::array<std::uint16_t, kControl> used{};
    for (std::size_t queue = 0; queue < kControl; ++queue) {
      used[queue] = rings_[queue].used_index();
    }
    std::this_thread::yield();
    for (std::size_t queue = 0; queue < kControl; ++queue) {
      EXPECT_EQ(rings_[queue].used_index(), used[queue]) << queue;
    }
    empty_networks();
  }
  is_over.store(true);
  observer.join();
  run(kSeveral);
  ASSERT_EQ(use_pairs(kPairs), virtio::kNetAckOk);
  put_batches();
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    wait_until_used(2 * pair + 1, kBatch);
  }
  EXPECT_FALSE(needs_reset());
}

TEST_F(NetThreadsTest, AllHoldStillWhileTheMachineIsPaused) {
  run(kSeveral);
  ASSERT_EQ(use_pairs(kPairs), virtio::kNetAckOk);
  for (std::uint16_t round = 1; round <= 10; ++round) {
    gate_.close();
    for (const auto& thread : threads_) {
      thread->interrupt();
    }
    ASSERT_TRUE(gate_.wait_for(kPairs, 20s));
    put_batches();
    std::this_thread::sleep_for(1ms);
    for (std::size_t queue = 0; queue < kControl; ++queue) {
      EXPECT_EQ(rings_[queue].used_index(), kBatch * (round - 1U));
    }
    gate_.open();
    for (std::size_t queue = 0; queue < kControl; ++queue) {
      wait_until_used(queue, static_cast<std::uint16_t>(kBatch * round));
    }
    empty_networks();
  }
}

}  // namespace
}  // namespace mayfly::vmm
