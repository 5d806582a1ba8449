// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm_for_devices.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapping.hpp"
#include "kvm/system.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::size_t kBytes = 0x4000;
constexpr std::uint64_t kLow = 0xc0000000;
constexpr std::uint64_t kHigh = 0x1'4000'0000;

class KvmForDevicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no usable /dev/kvm";
    }
    void* const at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    memory_ = Mapping(at, kBytes);
    system_.emplace("/dev/kvm");
    vm_.emplace(*system_);
    vm_->create_irqchip(kvm::Irqchip::kMessagesAndPins);
    kvm_.emplace(
        *vm_, std::array{GuestRange{GuestAddress(kLow), 0x10000}, GuestRange{GuestAddress(kHigh), 0x10000}});
  }
  bool fill(std::uint32_t slot, std::uint64_t at) {
    return kvm_->slots().fill(slot, GuestAddress(at), memory_.bytes());
  }

  Mapping memory_;
  std::optional<kvm::System> system_;
  std::optional<kvm::Vm> vm_;
  std::optional<KvmForDevices> kvm_;
};

TEST_F(KvmForDevicesTest, SlotsFillWithinBothWindows) {
  const std::uint32_t slot = kvm_->slots().allocate(2);
  EXPECT_TRUE(fill(slot, kLow));
  EXPECT_TRUE(fill(slot + 1, kHigh + 0x10000 - kBytes));
}

TEST_F(KvmForDevicesTest, NothingIsMappedOutsideTheWindows) {
  const std::uint32_t slot = kvm_->slots().allocate(1);
  for (const std::uint64_t at : {std::uint64_t{0}, kLow - kBytes, kLow + 0x10000 - 0x1000, kHigh + 0x10000,
                                 ~std::uint64_t{0} - 0xfff, std::uint64_t{0xfee00000}}) {
    EXPECT_FALSE(fill(slot, at)) << std::hex << at;
  }
}

TEST_F(KvmForDevicesTest, SlotsDoNotOverlap) {
  const std::uint32_t slot = kvm_->slots().allocate(2);
  ASSERT_TRUE(fill(slot, kLow));
  EXPECT_FALSE(fill(slot + 1, kLow + 0x1000));
  EXPECT_TRUE(kvm_->slots().empty(slot));
  EXPECT_TRUE(fill(slot + 1, kLow + 0x1000));
}

}  // namespace
}  // namespace mayfly::vmm
