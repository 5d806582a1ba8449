// SPDX-License-Identifier: Apache-2.0
// Guests of a few instructions that write pages at random, on any /dev/kvm; the lab runs these too.
#include "dirty/dirty_log.hpp"

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include <gtest/gtest.h>
#include <unistd.h>

#include "dirty/writing_guest.hpp"
#include "kvm/stats.hpp"

namespace mayfly::dirty {
namespace {

constexpr std::uint64_t kBytes = WritingGuest::kBytes;
constexpr std::uint32_t kFirst = WritingGuest::kFirst;
constexpr std::uint32_t kArea = WritingGuest::kArea;
constexpr std::uint32_t kSmallRing = 1024;

class DirtyLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no usable /dev/kvm";
    }
  }

  /// `vcpus` of them, each at its program, with rings of `entries` or what KVM gives.
  void build(std::uint32_t vcpus, std::uint32_t entries) {
    const auto enabled = kvm::DirtyRing::enable(guest_.vm(), entries);
    if (!enabled.has_value()) {
      GTEST_SKIP() << "this KVM has no rings of written pages (Linux 5.11)";
    }
    guest_.add_vcpus(vcpus);
    log_.emplace(guest_.vm(), guest_.slots(), guest_.vcpus(), *enabled);
    ASSERT_EQ(log_->pages(), kBytes / DirtyLog::kPageBytes);
  }

  /// Runs vCPU `index` until `done()` says so after one of its port writes.
  template <typename Done>
  void run(std::size_t index, Done done) {
    while (true) {
      const kvm::VmExit exit = guest_.vcpu(index).run();
      if (std::holds_alternative<kvm::DirtyRingFull>(exit)) {
        ++full_;
        log_->make_room(index);
      } else if (!std::holds_alternative<kvm::IoOut>(exit)) {
        failed_ = true;
        return;
      } else if (done()) {
        return;
      }
    }
  }

  /// Copies what was written since the last time into `copy_`; how many pages.
  std::uint64_t copy_written() {
    PageSet pages(log_->pages());
    log_->collect(pages);
    return guest_.copy_to(copy_, pages);
  }

  [[nodiscard]] bool is_copied() const { return std::memcmp(copy_.data(), guest_.ram().data(), kBytes) == 0; }

  WritingGuest guest_;
  Backing copy_{kBytes, Pages::k4k};
  std::optional<DirtyLog> log_;
  std::atomic<bool> failed_ = false;
  std::atomic<std::uint64_t> full_ = 0;
};

// The copy is made of written pages alone, while two vCPUs write: what is not told of is not in it.
TEST_F(DirtyLogTest, CopyMadeInAThousandRoundsLacksNothing) {
  build(2, kSmallRing);
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  std::memcpy(copy_.data(), guest_.ram().data(), kBytes);
  log_->start();
  std::atomic<bool> stop = false;
  std::uint64_t copied = 0;
  {
    const std::jthread first([&] { run(0, [&] { return stop.load(); }); });
    const std::jthread second([&] { run(1, [&] { return stop.load(); }); });
    for (int round = 0; round < 1000; ++round) {
      copied += copy_written();
      std::this_thread::yield();
    }
    stop = true;
  }
  copied += copy_written();
  EXPECT_FALSE(failed_);
  EXPECT_TRUE(is_copied());
  EXPECT_GT(copied, 0U);
  EXPECT_EQ(copy_written(), 0U);
}

// Nobody collects meanwhile: the vCPU makes room by itself, and what it took then is there later.
TEST_F(DirtyLogTest, FullRingIsEmptiedByItsVcpu) {
  build(1, kSmallRing);
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  std::memcpy(copy_.data(), guest_.ram().data(), kBytes);
  log_->start();
  run(0, [&] { return full_ >= 3; });
  ASSERT_FALSE(failed_);
  EXPECT_GT(copy_written(), kSmallRing);
  EXPECT_TRUE(is_copied());
}

TEST_F(DirtyLogTest, PageIsToldOfAgainWhenItIsWrittenAgain) {
  build(1, kSmallRing);
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  kvm_regs regs = guest_.vcpu(0).regs();
  regs.rbp = 0;  // one page
  guest_.vcpu(0).set_regs(regs);
  log_->start();
  for (int round = 0; round < 3; ++round) {
    run(0, [] { return true; });
    ASSERT_FALSE(failed_);
    PageSet pages(log_->pages());
    log_->collect(pages);
    EXPECT_TRUE(pages.contains((kBytes - kArea) / DirtyLog::kPageBytes)) << round;
    EXPECT_LE(pages.count({0, pages.size()}), 2U);  // KVM may write the program's page as it enters it
    EXPECT_EQ(copy_written(), 0U);
  }
}

TEST_F(DirtyLogTest, NothingIsToldOfWhenItIsOff) {
  build(1, kSmallRing);
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  run(0, [] { return true; });
  EXPECT_EQ(copy_written(), 0U);
  log_->start();
  run(0, [] { return true; });
  log_->stop();
  EXPECT_GT(copy_written(), 0U);
  run(0, [] { return true; });
  EXPECT_EQ(copy_written(), 0U);
  EXPECT_FALSE(failed_);
}

// Where KVM maps 2 MiB pages: none is left when logging begins, without the guest's doing, and they come
// back.
TEST_F(DirtyLogTest, HugeMappingsAreSplitAtOnceAndComeBack) {
  build(1, DirtyLog::kRingEntries);
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  const auto mapped = [&](const std::string& name) {
    const auto stats = kvm::read_stats(guest_.vm().fd());
    return std::map<std::string, std::uint64_t>(stats.begin(), stats.end())[name];
  };
  int left = 0;
  const auto write_everywhere = [&] {
    left = 100;
    run(0, [&] { return --left == 0; });
  };
  write_everywhere();
  if (mapped("pages_2m") < kArea / kFirst) {
    GTEST_SKIP() << "KVM maps no 2 MiB pages: " << name(guest_.ram().pages()) << " memory, "
                 << (kvm::hardware_virtualization() ? "hardware" : "no hardware") << " virtualization";
  }
  log_->start();
  EXPECT_EQ(mapped("pages_2m"), 0U);
  EXPECT_GE(mapped("pages_4k"), kArea / DirtyLog::kPageBytes);
  write_everywhere();
  EXPECT_GT(copy_written(), 1000U);
  log_->stop();
  write_everywhere();
  EXPECT_GE(mapped("pages_2m"), kArea / kFirst);
  EXPECT_FALSE(failed_);
}

}  // namespace
}  // namespace mayfly::dirty
