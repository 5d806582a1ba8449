// SPDX-License-Identifier: Apache-2.0
#include "pci/root.hpp"

#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/fake_pci_device.hpp"

namespace mayfly::pci {
namespace {

using testing::FakePciDevice;
using Write = FakePciDevice::Write;

constexpr Windows kWindows{.ecam = {GuestAddress(0xe0000000), kMiB},
                           .mmio32 = {GuestAddress(0xd0000000), 64 * kKiB},
                           .mmio64 = {GuestAddress(0x40'0000'0000), kGiB}};
constexpr std::array kSmall{Bar{.bytes = 0x1000, .width = BarWidth::k32}};
constexpr std::array kTwo{Bar{.bytes = 0x4000, .width = BarWidth::k32},
                          Bar{.bytes = 0x10000, .width = BarWidth::k64}, Bar{}};

template <typename T>
T read(io::IoDevice& face, std::uint64_t offset) {
  T value = static_cast<T>(~T{0});
  face.read(offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

template <typename T>
void write(io::IoDevice& face, std::uint64_t offset, T value) {
  face.write(offset, std::as_bytes(std::span(&value, 1)));
}

constexpr std::uint64_t ecam(std::uint64_t slot, std::uint64_t function, std::uint64_t offset) {
  return slot << 15U | function << 12U | offset;
}

TEST(Root, HasAHostBridgeAndNothingElseAtFirst) {
  Root root(kWindows);
  EXPECT_EQ(read<std::uint32_t>(root.ecam(), ecam(0, 0, 0)), 0x00081b36U);
  EXPECT_EQ(read<std::uint32_t>(root.ecam(), ecam(0, 0, 8)) >> 8U, 0x060000U);
  for (std::uint64_t slot = 0; slot < 32; ++slot) {
    for (std::uint64_t function = slot == 0 ? 1 : 0; function < 8; ++function) {
      EXPECT_EQ(read<std::uint32_t>(root.ecam(), ecam(slot, function, 0)), ~0U) << slot << "." << function;
    }
  }
}

TEST(Root, GivesSlotsAndAddressesInOrder) {
  Root root(kWindows);
  EXPECT_EQ(root.add(std::make_unique<FakePciDevice>(kSmall)), 1U);
  EXPECT_EQ(root.add(std::make_unique<FakePciDevice>(kTwo)), 2U);
  EXPECT_EQ(read<std::uint32_t>(root.ecam(), ecam(1, 0, 0x10)), 0xd0000000U);
  EXPECT_EQ(read<std::uint32_t>(root.ecam(), ecam(2, 0, 0x10)), 0xd0004000U) << "aligned to its size";
  EXPECT_EQ(read<std::uint64_t>(root.ecam(), ecam(2, 0, 0x14)), 0x40'0000'0004U);
}

TEST(Root, SaysThatTheBusIsFull) {
  Root root(kWindows);
  for (int i = 0; i < 31; ++i) {
    root.add(std::make_unique<FakePciDevice>(std::span<const Bar>{}));
  }
  EXPECT_THROW(root.add(std::make_unique<FakePciDevice>(std::span<const Bar>{})), Error);
}

TEST(Root, SaysThatAWindowIsFull) {
  Root root(kWindows);
  constexpr std::array kHalf{Bar{.bytes = 0x8000, .width = BarWidth::k32}};
  root.add(std::make_unique<FakePciDevice>(kSmall));
  root.add(std::make_unique<FakePciDevice>(kHalf));
  EXPECT_THROW(root.add(std::make_unique<FakePciDevice>(kSmall)), Error);
}

TEST(Root, RefusesAnEcamThatIsNotOneBus) {
  Windows windows = kWindows;
  windows.ecam.bytes = 2 * kMiB;
  EXPECT_THROW(Root{windows}, Error);
}

/// One device with a 16 KiB BAR at 0xd0000000 and a 64 KiB one at 0x40'0000'0000, decoding on.
class RootWithDevice : public ::testing::Test {
 protected:
  RootWithDevice() {
    auto device = std::make_unique<FakePciDevice>(kTwo);
    device_ = device.get();
    root_.add(std::move(device));
    config<std::uint16_t>(4, 2);
  }
  template <typename T>
  void config(std::uint64_t offset, T value) {
    write(root_.ecam(), ecam(1, 0, offset), value);
  }

  Root root_{kWindows};
  FakePciDevice* device_ = nullptr;
};

TEST_F(RootWithDevice, DispatchesByWindowToBars) {
  write<std::uint32_t>(root_.window32(), 0x3ffc, 0);
  write<std::uint64_t>(root_.window64(), 0xfff8, 0);
  EXPECT_EQ(device_->writes, (std::vector<Write>{{0, 0x3ffc, 4}, {1, 0xfff8, 8}}));
  EXPECT_EQ(read<std::uint16_t>(root_.window32(), 0), 0x5a5aU);
}

TEST_F(RootWithDevice, AccessesAcrossABarsEndHitNothing) {
  write<std::uint32_t>(root_.window32(), 0x3ffe, 0);
  write<std::uint32_t>(root_.window32(), 0x4000, 0);
  EXPECT_TRUE(device_->writes.empty());
  EXPECT_EQ(read<std::uint32_t>(root_.window32(), 0x3ffe), ~0U);
}

TEST_F(RootWithDevice, BarsAnswerNothingWithDecodingOff) {
  config<std::uint16_t>(4, 0);
  EXPECT_EQ(read<std::uint32_t>(root_.window32(), 0), ~0U);
  config<std::uint8_t>(4, 2);
  EXPECT_EQ(read<std::uint32_t>(root_.window32(), 0), 0x5a5a5a5aU);
}

TEST_F(RootWithDevice, AGuestMayMoveABarWithinItsWindow) {
  config<std::uint32_t>(0x10, 0xd0008000);
  EXPECT_EQ(read<std::uint32_t>(root_.window32(), 0), ~0U);
  write<std::uint32_t>(root_.window32(), 0x8010, 0);
  EXPECT_EQ(device_->writes, (std::vector<Write>{{0, 0x10, 4}}));
}

TEST_F(RootWithDevice, AGuestMayMoveA64BitBarBelow4GiB) {
  config<std::uint32_t>(0x18, 0);
  config<std::uint32_t>(0x14, 0xd0000000);
  config<std::uint32_t>(0x10, 0x10000);
  write<std::uint8_t>(root_.window32(), 0xffff, 0);
  EXPECT_EQ(device_->writes, (std::vector<Write>{{1, 0xffff, 1}}));
}

TEST_F(RootWithDevice, BarsOutsideEveryWindowAreHarmless) {
  config<std::uint32_t>(0x10, 0);
  config<std::uint32_t>(0x14, 0xfffffff0);
  config<std::uint32_t>(0x18, 0xffffffff);
  EXPECT_EQ(read<std::uint32_t>(root_.window32(), 0), ~0U);
  EXPECT_EQ(read<std::uint32_t>(root_.window64(), 0), ~0U);
}

TEST_F(RootWithDevice, TheFirstOfOverlappingBarsAnswers) {
  auto second = std::make_unique<FakePciDevice>(kSmall, std::byte{0x77});
  root_.add(std::move(second));
  write<std::uint32_t>(root_.ecam(), ecam(2, 0, 0x10), 0xd0001000);
  write<std::uint16_t>(root_.ecam(), ecam(2, 0, 4), 2);
  EXPECT_EQ(read<std::uint8_t>(root_.window32(), 0x1000), 0x5aU);
  config<std::uint16_t>(4, 0);
  EXPECT_EQ(read<std::uint8_t>(root_.window32(), 0x1000), 0x77U);
}

}  // namespace
}  // namespace mayfly::pci
