// SPDX-License-Identifier: Apache-2.0
#include "vmm/prefault.hpp"

#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kLow = 70 * kMiB;
constexpr std::uint64_t kHigh = 26 * kMiB;

/// 96 MiB of guest memory with a hole, and builders that note what they are asked for.
class PrefaultTest : public testing::Test {
 protected:
  PrefaultTest() {
    for (std::size_t i = 0; i < 3; ++i) {
      builders_.emplace_back([this](GuestRange range) -> Result<void, kvm::PreFaultFault> {
        const std::lock_guard lock(mutex_);
        if (built_.size() >= calls_max_) {
          return unexpected(kvm::PreFaultFault{refusal_});
        }
        built_[range.start.raw()] += range.bytes;
        return {};
      });
    }
  }
  [[nodiscard]] PrefaultCounts finish(std::span<const BuildTables> builders) {
    Prefault prefault(memory_.regions(), ram_.pages(), timeline_);
    prefault.finish(builders);
    return prefault.counts();
  }

  boot::BootTimeline timeline_{{0, boot::ExecSource::kLauncher}};
  Backing ram_{kLow + kHigh, Pages::k4k};
  std::array<GuestMemory::Region, 2> regions_{
      {{{GuestAddress(0), kLow}, ram_.data()}, {{GuestAddress(4 * kGiB), kHigh}, ram_.data() + kLow}}};
  GuestMemory memory_{regions_};
  std::vector<BuildTables> builders_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> built_;
  std::size_t calls_max_ = ~std::size_t{0};
  int refusal_ = 0;
};

TEST_F(PrefaultTest, AllMemoryIsPopulatedAndHasTablesOnce) {
  for (const std::size_t vcpus : {std::size_t{1}, std::size_t{3}}) {
    built_.clear();
    const PrefaultCounts counts = finish(std::span(builders_).first(vcpus));
    EXPECT_EQ(ram_.populated(), kLow + kHigh);
    EXPECT_EQ(counts.populated_bytes, kLow + kHigh);
    EXPECT_EQ(counts.mapped_bytes, kLow + kHigh);
    std::uint64_t low = 0;
    std::uint64_t high = 4 * kGiB;
    for (const auto& [at, bytes] : built_) {
      std::uint64_t& next = at < 4 * kGiB ? low : high;
      EXPECT_EQ(at, next);
      next += bytes;
    }
    EXPECT_EQ(low, kLow);
    EXPECT_EQ(high, 4 * kGiB + kHigh);
  }
}

TEST_F(PrefaultTest, MilestonesAreThere) {
  (void)finish(builders_);
  EXPECT_TRUE(timeline_.reached(boot::Milestone::kPrefaultBegin));
  EXPECT_TRUE(timeline_.reached(boot::Milestone::kPrefaultEnd));
  EXPECT_TRUE(timeline_.reached(boot::Milestone::kPrefaulted));
}

TEST_F(PrefaultTest, OneCpuAndOneVcpuAreEnough) {
  const PrefaultCounts counts = finish(std::span(builders_).first(1));
  EXPECT_EQ(counts.map_threads, 1U);
  EXPECT_GE(counts.populate_threads, 1U);
}

TEST_F(PrefaultTest, MemoryIsPopulatedWhereNoTablesAreBuilt) {
  const PrefaultCounts counts = finish({});
  EXPECT_EQ(counts.populated_bytes, kLow + kHigh);
  EXPECT_EQ(counts.mapped_bytes, 0U);
  EXPECT_EQ(counts.map_threads, 0U);
}

TEST_F(PrefaultTest, KvmThatCannotIsNoError) {
  calls_max_ = 0;
  refusal_ = EOPNOTSUPP;
  const PrefaultCounts counts = finish(builders_);
  EXPECT_EQ(counts.populated_bytes, kLow + kHigh);
  EXPECT_EQ(counts.mapped_bytes, 0U);
}

TEST_F(PrefaultTest, KvmThatRefusesIsAnError) {
  calls_max_ = 1;
  refusal_ = EHWPOISON;
  try {
    (void)finish(builders_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errno_value(), EHWPOISON);
    EXPECT_NE(std::string(error.what()).find("KVM_PRE_FAULT_MEMORY"), std::string::npos);
  }
}

// On any /dev/kvm: what KVM says is what it does.
TEST_F(PrefaultTest, RealKvmBuildsAllOrNothing) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no usable /dev/kvm";
  }
  const kvm::System system("/dev/kvm");
  kvm::Vm vm(system);
  vm.create_irqchip(kvm::Irqchip::kMessages);
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory_.regions()) {
    vm.add_memory(slot++, region.guest.start.raw(), region.host, region.guest.bytes,
                  kvm::SlotAccess::kReadWrite);
  }
  const kvm::Vcpu vcpu(system, vm, 0);
  const std::array<const kvm::Vcpu*, 1> vcpus{&vcpu};
  const PrefaultCounts counts = finish(table_builders(vm, vcpus));
  EXPECT_EQ(counts.populated_bytes, kLow + kHigh);
  EXPECT_TRUE(counts.mapped_bytes == 0 || counts.mapped_bytes == kLow + kHigh) << counts.mapped_bytes;
}

}  // namespace
}  // namespace mayfly::vmm
