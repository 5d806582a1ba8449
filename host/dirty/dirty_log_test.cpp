// SPDX-License-Identifier: Apache-2.0
// Guests of a few instructions that write pages at random, on any /dev/kvm; the lab runs these too.
#include "dirty/dirty_log.hpp"

#include <array>
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

#include "kvm/stats.hpp"
#include "memory/backing.hpp"

namespace mayfly::dirty {
namespace {

constexpr std::uint64_t kBytes = 64 * kMiB;
/// The first 2 MiB are the program's.
constexpr std::uint32_t kFirst = 2 * kMiB;
constexpr std::uint32_t kEntry = 0x1000;
/// Where a vCPU writes: words of the upper half, 8192 pages.
constexpr std::uint32_t kArea = 32 * kMiB;
constexpr std::uint32_t kMask = kArea - 4;
constexpr std::uint32_t kSmallRing = 1024;

/// 32-bit code: esi is xorshift32's state; a word of ebx + (esi & ebp) is written, and port 0x80 each ecx
/// times.
constexpr std::array<std::uint8_t, 37> kProgram{
    0x89, 0xf0, 0xc1, 0xe0, 0x0d, 0x31, 0xc6,  // mov eax, esi; shl eax, 13; xor esi, eax
    0x89, 0xf0, 0xc1, 0xe8, 0x11, 0x31, 0xc6,  // mov eax, esi; shr eax, 17; xor esi, eax
    0x89, 0xf0, 0xc1, 0xe0, 0x05, 0x31, 0xc6,  // mov eax, esi; shl eax, 5; xor esi, eax
    0x89, 0xf0, 0x21, 0xe8, 0x89, 0x34, 0x03,  // mov eax, esi; and eax, ebp; mov [ebx + eax], esi
    0x4f, 0x75, 0xe1,                          // dec edi; jnz 0
    0xe6, 0x80, 0x89, 0xcf, 0xeb, 0xdb};       // out 0x80, al; mov edi, ecx; jmp 0

class DirtyLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no usable /dev/kvm";
    }
  }

  /// `vcpus` of them, each at its program, with rings of `entries` or what KVM gives.
  void build(std::uint32_t vcpus, std::uint32_t entries) {
    std::memcpy(ram_.data() + kEntry, kProgram.data(), kProgram.size());
    const auto enabled = kvm::DirtyRing::enable(vm_, entries);
    if (!enabled.has_value()) {
      GTEST_SKIP() << "this KVM has no rings of written pages (Linux 5.11)";
    }
    vm_.add_memory(0, 0, ram_.data(), kFirst, kvm::SlotAccess::kReadWrite);
    vm_.add_memory(1, kFirst, ram_.data() + kFirst, kBytes - kFirst, kvm::SlotAccess::kReadWrite);
    const std::array slots{LoggedSlot{0, {{GuestAddress(0), kFirst}, ram_.data()}},
                           LoggedSlot{1, {{GuestAddress(kFirst), kBytes - kFirst}, ram_.data() + kFirst}}};
    std::vector<const kvm::Vcpu*> pointers;
    for (std::uint32_t id = 0; id < vcpus; ++id) {
      vcpus_.push_back(std::make_unique<kvm::Vcpu>(system_, vm_, id));
      set_state(*vcpus_.back());
      pointers.push_back(vcpus_.back().get());
    }
    log_.emplace(vm_, slots, pointers, *enabled);
    ASSERT_EQ(log_->pages(), kBytes / DirtyLog::kPageBytes);
  }

  static void set_state(kvm::Vcpu& vcpu) {
    kvm_sregs sregs = vcpu.sregs();
    kvm_segment flat{};
    flat.limit = 0xffffffff;
    flat.selector = 8;
    flat.type = 11;
    flat.present = flat.s = flat.db = flat.g = 1;
    sregs.cs = flat;
    flat.selector = 16;
    flat.type = 3;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
    sregs.cr0 |= 1U;
    vcpu.set_sregs(sregs);
    kvm_regs regs{};
    regs.rip = kEntry;
    regs.rflags = 2;
    regs.rbx = kBytes - kArea;
    regs.rbp = kMask;
    regs.rcx = regs.rdi = 64;
    regs.rsi = 0x9e3779b9U + vcpu.id();
    vcpu.set_regs(regs);
  }

  /// Runs vCPU `index` until `done()` says so after one of its port writes.
  template <typename Done>
  void run(std::size_t index, Done done) {
    while (true) {
      const kvm::VmExit exit = vcpus_[index]->run();
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
    std::uint64_t count = 0;
    for (auto run = pages.next_run(0); run.has_value(); run = pages.next_run(run->end())) {
      std::memcpy(copy_.data() + run->first * DirtyLog::kPageBytes,
                  ram_.data() + run->first * DirtyLog::kPageBytes, run->count * DirtyLog::kPageBytes);
      count += run->count;
    }
    return count;
  }

  [[nodiscard]] bool is_copied() const { return std::memcmp(copy_.data(), ram_.data(), kBytes) == 0; }

  Backing ram_{kBytes, Pages::kAuto};
  Backing copy_{kBytes, Pages::k4k};
  kvm::System system_{"/dev/kvm"};
  kvm::Vm vm_{system_};
  std::vector<std::unique_ptr<kvm::Vcpu>> vcpus_;
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
  std::memcpy(copy_.data(), ram_.data(), kBytes);
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
  std::memcpy(copy_.data(), ram_.data(), kBytes);
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
  kvm_regs regs = vcpus_[0]->regs();
  regs.rbp = 0;  // one page
  vcpus_[0]->set_regs(regs);
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
    const auto stats = kvm::read_stats(vm_.fd());
    return std::map<std::string, std::uint64_t>(stats.begin(), stats.end())[name];
  };
  int left = 0;
  const auto write_everywhere = [&] {
    left = 100;
    run(0, [&] { return --left == 0; });
  };
  write_everywhere();
  if (mapped("pages_2m") < kArea / kFirst) {
    GTEST_SKIP() << "KVM maps no 2 MiB pages: " << name(ram_.pages()) << " memory, "
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
