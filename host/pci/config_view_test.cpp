// SPDX-License-Identifier: Apache-2.0
#include "pci/config_view.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include <gtest/gtest.h>

#include "pci/bus.hpp"
#include "testing/counting_viewer.hpp"
#include "testing/fake_pci_device.hpp"

namespace mayfly::pci {
namespace {

using testing::FakePciDevice;

constexpr std::array kSmall{Bar{.bytes = 0x1000, .width = BarWidth::k32}};
constexpr std::uint32_t kFakeId = 1U << 16U | FakePciDevice::kVendor;

/// Two devices, in slots 0 and 1, of which the guest sees what a test says.
class ConfigViewTest : public ::testing::Test {
 protected:
  ConfigViewTest() {
    for (std::size_t slot = 0; slot < devices_.size(); ++slot) {
      auto device = std::make_unique<FakePciDevice>(kSmall);
      devices_[slot] = device.get();
      bus_.add(slot, std::move(device));
    }
  }
  std::uint32_t seen(std::size_t slot, std::size_t function, std::size_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, pages_.data() + (slot * 8 + function) * 4096 + offset, sizeof(value));
    return value;
  }
  void config(std::size_t slot, std::uint16_t offset, std::uint32_t value) {
    bus_.config_write(slot, offset, std::as_bytes(std::span(&value, 1)));
  }

  testing::CountingViewer viewer_;
  Bus bus_;
  std::array<FakePciDevice*, 2> devices_{};
  std::span<std::byte> pages_;
};

TEST_F(ConfigViewTest, ShowsEveryDeviceAndOnesWhereThereIsNone) {
  pages_ = bus_.show_config(viewer_);
  ASSERT_EQ(pages_.size(), 9U * 4096);
  EXPECT_EQ(seen(0, 0, 0), kFakeId);
  EXPECT_EQ(seen(1, 0, 0), kFakeId);
  for (std::size_t function = 1; function < 8; ++function) {
    EXPECT_EQ(seen(0, function, 0), ~0U) << function;
  }
  EXPECT_EQ(seen(1, 0, 0x100), ~0U) << "no extended space";
  EXPECT_EQ(seen(1, 0, 0xffc), ~0U);
}

TEST_F(ConfigViewTest, FollowsWrites) {
  pages_ = bus_.show_config(viewer_);
  config(1, 0x10, 0xffffffff);
  EXPECT_EQ(seen(1, 0, 0x10), 0xfffff000U) << "a BAR being sized";
  EXPECT_EQ(seen(0, 0, 0x10), 0U) << "another device";
  config(1, 0x10, 0xd0001000);
  EXPECT_EQ(seen(1, 0, 0x10), 0xd0001000U);
  EXPECT_EQ(viewer_.hidden, 0);
}

TEST_F(ConfigViewTest, EndsBeforeTheFirstDeviceWhoseReadsAreLive) {
  devices_[1]->reads = ConfigReads::kLive;
  pages_ = bus_.show_config(viewer_);
  EXPECT_EQ(pages_.size(), 4096U);
  config(1, 0x10, 0xffffffff);
  EXPECT_EQ(viewer_.hidden, 0);
}

TEST_F(ConfigViewTest, IsHiddenOnceWhenReadsBecomeLive) {
  pages_ = bus_.show_config(viewer_);
  devices_[0]->reads = ConfigReads::kLive;
  config(0, 0x10, 0xffffffff);
  config(0, 0x10, 0);
  EXPECT_EQ(viewer_.hidden, 1);
}

}  // namespace
}  // namespace mayfly::pci
