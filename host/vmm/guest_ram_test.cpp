// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_ram.hpp"

#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "base/text_file.hpp"
#include "lease/socket.hpp"
#include "memory/lendable.hpp"
#include "memory/populate.hpp"

namespace mayfly::vmm {
namespace {

constexpr const char* kFree = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

/// Asks for one huge page more than this host has free.
class GuestRamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto free = read_text_file(kFree, 64);
    if (!free.has_value()) {
      GTEST_SKIP() << "this host has no huge pages of 2 MiB: no " << kFree;
    }
    config_.pages = Pages::k2m;
    config_.memory_bytes = (std::stoull(*free) + 1) * 2 * kMiB;
  }
  GuestRam take(std::uint64_t deadline_ns = 0) {
    return take_ram(config_, std::nullopt,
                    {signals_, &requests_, deadline_ns,
                     [this](std::string_view sentence) { said_.emplace_back(sentence); }});
  }
  Outcome ended_wait(std::uint64_t deadline_ns = 0) {
    config_.pages_fallback = PagesFallback::kQueue;
    Outcome outcome;
    try {
      (void)take(deadline_ns);
      ADD_FAILURE() << "it did not wait";
    } catch (const EndedWaiting& ended) {
      outcome = ended.outcome;
    }
    EXPECT_EQ(said_.size(), 1U);
    const std::string said = said_.empty() ? "" : said_.front();
    EXPECT_TRUE(said.starts_with("not enough free 2m pages: ")) << said;
    EXPECT_TRUE(said.ends_with(" needed; waits for them")) << said;
    return outcome;
  }

  Signals signals_;
  RunRequests requests_;
  RunConfig config_;
  std::vector<std::string> said_;
};

TEST_F(GuestRamTest, TooFewPagesAreAnErrorUnlessSaidOtherwise) {
  EXPECT_THROW((void)take(), NotEnoughPages);
  EXPECT_TRUE(said_.empty());
}

TEST_F(GuestRamTest, SmallPagesAreTakenWhenTheyMay) {
  config_.pages_fallback = PagesFallback::kSmall;
  const GuestRam ram = take();
  EXPECT_EQ(ram.backing.size(), config_.memory_bytes);
  EXPECT_TRUE(ram.backing.pages() == Pages::kThp || ram.backing.pages() == Pages::k4k);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_TRUE(said_.front().ends_with(" needed; takes " + std::string(name(ram.backing.pages())) + " pages"))
      << said_.front();
}

TEST_F(GuestRamTest, DeadlineEndsTheWait) {
  const Outcome outcome = ended_wait(monotonic_ns() + 250'000'000);
  EXPECT_EQ(outcome.kind, OutcomeKind::kTimeout);
  EXPECT_EQ(outcome.sentence, "--timeout ran out while it waited for pages");
}

TEST_F(GuestRamTest, SignalEndsTheWait) {
  ::kill(::getpid(), SIGWINCH);
  ::kill(::getpid(), SIGTERM);
  const Outcome outcome = ended_wait();
  EXPECT_EQ(outcome.kind, OutcomeKind::kKilled);
  EXPECT_EQ(exit_status(outcome), 128 + SIGTERM);
  EXPECT_EQ(outcome.sentence, "ended by signal 15 while it waited for pages");
}

TEST_F(GuestRamTest, RequestEndsTheWait) {
  requests_.stop();
  Outcome outcome = ended_wait();
  EXPECT_EQ(exit_status(outcome), 128 + SIGTERM);
  EXPECT_EQ(outcome.sentence, "ended by mayfly stop while it waited for pages");
  said_.clear();
  requests_.kill();
  outcome = ended_wait();
  EXPECT_EQ(exit_status(outcome), 128 + SIGKILL);
  EXPECT_EQ(outcome.sentence, "ended by mayfly kill while it waited for pages");
}

// What is no matter of free pages is told at once.
TEST_F(GuestRamTest, OtherErrorsAreNotWaitedFor) {
  config_.pages_fallback = PagesFallback::kQueue;
  config_.pages = Pages::k1g;
  config_.memory_bytes = kGiB + 2 * kMiB;
  EXPECT_THROW((void)take(), Error);
  EXPECT_TRUE(said_.empty());
}

/// A guest whose device's broker keeps its memory.
class GuestRamKept : public ::testing::Test {
 protected:
  GuestRamKept() { config_.devices.push_back({.address = {0, 1, 0, 0}}); }

  GuestRam take() {
    const MemoryKind kind{4 * kMiB, Pages::k4k, {}};
    config_.memory_bytes = kind.bytes;
    Backing memory = make_lendable(kind);
    EXPECT_TRUE(MadvisePopulate().populate(memory.data(), kind.bytes).has_value());
    return take_ram(config_, broker::KeptMemory{std::move(memory).take_file(), kind.pages},
                    {signals_, nullptr, 0, [](std::string_view /*sentence*/) {}});
  }
  std::string refusal() {
    try {
      (void)take();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  Signals signals_;
  RunConfig config_;
};

TEST_F(GuestRamKept, IsTheGuestsAndMappedAlready) {
  const GuestRam ram = take();
  EXPECT_TRUE(ram.is_mapped);
  EXPECT_TRUE(ram.backing.is_lent());
  EXPECT_EQ(ram.backing.populated(), 4 * kMiB);
}

TEST_F(GuestRamKept, WhatWouldBeMemoryOfAnotherKindIsRefused) {
  config_.pool = "pool.sock";
  EXPECT_EQ(refusal(),
            "leave out --pool; the broker of device 0000:01:00.0 keeps the guest's memory with it, populated "
            "and mapped");
  config_.pool.clear();
  config_.numa = {0};
  EXPECT_TRUE(refusal().starts_with("leave out --numa;"));
  config_.numa = {};
  config_.balloon_bytes = 0;
  EXPECT_TRUE(refusal().starts_with("leave out --balloon;"));
  config_.balloon_bytes = {};
  config_.dma_window_bytes = 0;
  EXPECT_TRUE(refusal().starts_with("leave out --dma-window;"));
}

TEST(GuestRamOfAPool, WaitForItIsSaidAndCanBeEnded) {
  const mayfly::testing::TemporaryFolder folder;
  Signals signals;
  RunConfig config;
  config.pool = folder.path() / "pool";
  const lease::Listener listener(config.pool);  // which nobody answers at
  std::vector<std::string> said;
  const auto ended = [&](std::uint64_t deadline_ns) {
    try {
      (void)take_ram(config, std::nullopt, {signals, nullptr, deadline_ns, [&](std::string_view sentence) {
                                              said.emplace_back(sentence);
                                              ::kill(::getpid(), SIGTERM);
                                            }});
    } catch (const EndedWaiting& waiting) {
      return waiting.outcome.sentence;
    }
    return std::string();
  };
  const std::string what = "memory of the pool at " + config.pool;
  EXPECT_EQ(ended(monotonic_ns() + 1'000'000), "--timeout ran out while it waited for " + what);
  EXPECT_TRUE(said.empty());
  EXPECT_EQ(ended(0), "ended by signal 15 while it waited for " + what);
  EXPECT_EQ(said, std::vector{"waits for " + what});
}

}  // namespace
}  // namespace mayfly::vmm
