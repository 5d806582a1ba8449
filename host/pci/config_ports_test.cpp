// SPDX-License-Identifier: Apache-2.0
#include "pci/config_ports.hpp"

#include <cstdint>
#include <memory>

#include <gtest/gtest.h>

#include "testing/fake_pci_device.hpp"

namespace mayfly::pci {
namespace {

/// A device in slot 3.
class ConfigPortsTest : public ::testing::Test {
 protected:
  ConfigPortsTest() { bus_.add(3, std::make_unique<testing::FakePciDevice>(std::span<const Bar>{})); }

  template <typename T>
  T in(std::uint16_t port) {
    T value{};
    ports_.read(std::uint64_t{port} - ConfigPorts::kFirst, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  void out(std::uint16_t port, T value) {
    ports_.write(std::uint64_t{port} - ConfigPorts::kFirst, std::as_bytes(std::span(&value, 1)));
  }
  static constexpr std::uint32_t address(std::uint32_t bus, std::uint32_t slot, std::uint32_t function,
                                         std::uint32_t offset) {
    return 0x80000000U | bus << 16U | slot << 11U | function << 8U | offset;
  }

  Bus bus_;
  ConfigPorts ports_{bus_};
};

TEST_F(ConfigPortsTest, AnswersItsEightPortsOnly) {
  EXPECT_FALSE(ConfigPorts::answers(0xcf7));
  EXPECT_TRUE(ConfigPorts::answers(0xcf8));
  EXPECT_TRUE(ConfigPorts::answers(0xcff));
  EXPECT_FALSE(ConfigPorts::answers(0xd00));
}

TEST_F(ConfigPortsTest, ReadsADoubleWord) {
  out(0xcf8, address(0, 3, 0, 0));
  EXPECT_EQ(in<std::uint32_t>(0xcfc), 0x00010000U | testing::FakePciDevice::kVendor);
}

TEST_F(ConfigPortsTest, ReadsPartsByTheDataPortsOffset) {
  out(0xcf8, address(0, 3, 0, 0));
  EXPECT_EQ(in<std::uint16_t>(0xcfe), 0x0001U);
  EXPECT_EQ(in<std::uint16_t>(0xcfd), 0x014dU);
  EXPECT_EQ(in<std::uint8_t>(0xcfc), 0x59U);
  EXPECT_EQ(in<std::uint8_t>(0xcfd), 0x4dU);
  EXPECT_EQ(in<std::uint8_t>(0xcff), 0x00U);
}

TEST_F(ConfigPortsTest, WritesPartsByTheDataPortsOffset) {
  out(0xcf8, address(0, 3, 0, 0x3c));
  out<std::uint8_t>(0xcfc, 0x0b);
  EXPECT_EQ(in<std::uint32_t>(0xcfc), 0x0bU);
  out(0xcf8, address(0, 3, 0, 4));
  out<std::uint16_t>(0xcfc, 6);
  EXPECT_EQ(in<std::uint16_t>(0xcfc), 6U);
}

TEST_F(ConfigPortsTest, AnAccessAcrossTheLastPortIsCutOff) {
  out(0xcf8, address(0, 3, 0, 0));
  EXPECT_EQ(in<std::uint32_t>(0xcfe), 0xffff0001U);
  EXPECT_EQ(in<std::uint16_t>(0xcff), 0xff00U);
  out(0xcf8, address(0, 3, 0, 0x3c));
  out<std::uint32_t>(0xcff, 0x11223344);
  EXPECT_EQ(in<std::uint32_t>(0xcfc), 0U);
}

TEST_F(ConfigPortsTest, TheAddressRegisterReadsBackWithoutReservedBits) {
  out(0xcf8, ~0U);
  EXPECT_EQ(in<std::uint32_t>(0xcf8), 0x80fffffcU);
}

TEST_F(ConfigPortsTest, OnlyADoubleWordAtItsFirstPortIsTheAddressRegister) {
  out(0xcf8, address(0, 3, 0, 8));
  out<std::uint8_t>(0xcfb, 1);  // Linux does this before it trusts the mechanism (arch/x86/pci/direct.c).
  out<std::uint16_t>(0xcf8, 0);
  out<std::uint8_t>(0xcf8, 0);
  out<std::uint32_t>(0xcf9, 0);
  EXPECT_EQ(in<std::uint32_t>(0xcf8), address(0, 3, 0, 8));
  EXPECT_EQ(in<std::uint8_t>(0xcf9), 0xffU) << "the reset port is not ours";
  EXPECT_EQ(in<std::uint16_t>(0xcf8), 0xffffU);
}

TEST_F(ConfigPortsTest, AnswersNothingWhileDisabled) {
  out(0xcf8, address(0, 3, 0, 4) & 0x7fffffffU);
  EXPECT_EQ(in<std::uint32_t>(0xcfc), ~0U);
  out<std::uint16_t>(0xcfc, 2);
  out(0xcf8, address(0, 3, 0, 4));
  EXPECT_EQ(in<std::uint16_t>(0xcfc), 0U);
}

TEST_F(ConfigPortsTest, OtherBusesFunctionsAndSlotsReadAsOnes) {
  for (const std::uint32_t nobody : {address(1, 3, 0, 0), address(255, 3, 0, 0), address(0, 3, 1, 0),
                                     address(0, 3, 7, 0), address(0, 4, 0, 0), address(0, 31, 0, 0)}) {
    out(0xcf8, nobody);
    EXPECT_EQ(in<std::uint32_t>(0xcfc), ~0U) << std::hex << nobody;
    out<std::uint32_t>(0xcfc, 0);
  }
}

}  // namespace
}  // namespace mayfly::pci
