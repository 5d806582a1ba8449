// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_bars.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/fake_vfio_device.hpp"
#include "vfio/config_filter.hpp"

namespace mayfly::vfio {
namespace {

using testing::FakeVfioDevice;

// All that a guest reads there, byte by byte.
std::vector<std::byte> seen(std::span<const std::byte> config, FakeVfioDevice& device) {
  const ConfigFilter filter(config, std::array<pci::Bar, pci::kBarsMax>{}, ConfigFilter::Pin::kNone);
  std::vector<std::byte> bytes(ConfigFilter::kBytes);
  for (std::uint16_t at = 0; at < bytes.size(); ++at) {
    filter.read(at, std::span(bytes).subspan(at, 1), device);
  }
  return bytes;
}

TEST(DeviceBars, AGuestSeesNoMoreOfAllExtendedSpaceThanOfWhatIsRead) {
  FakeVfioDevice device;
  for (std::size_t at = 0x104; at < device.config.size(); at += 4) {
    device.put<std::uint32_t>(at, 0xc0de0000U + static_cast<std::uint32_t>(at));
  }
  device.put<std::uint32_t>(0x100, 0x14020001);  // error reporting
  device.put<std::uint32_t>(0x140, 0x16010003);  // serial number
  device.put<std::uint32_t>(0x160, 0x1801000b);  // vendor, of 32 bytes
  device.put<std::uint32_t>(0x164, 0x02000001);
  device.put<std::uint32_t>(0x180, 0x1d010010);  // SR-IOV
  device.put<std::uint32_t>(0x1d0, 0x1e01000b);  // vendor, longer than there is room
  device.put<std::uint32_t>(0x1d4, 0xfff00001);
  device.put<std::uint32_t>(0x1e0, 0x14010003);  // serial number, and back to where the walk has been
  const std::vector<std::byte> config = read_config_space(device, "0000:01:00.0");
  EXPECT_LE(device.bytes_read, 256U + 6 * 8 + 4 + 24 + 4);
  EXPECT_EQ(seen(config, device), seen(device.config, device));
  EXPECT_NE(config, device.config);
}

TEST(DeviceBars, OfAnEmptyListFourBytesAreRead) {
  FakeVfioDevice device;
  EXPECT_EQ(read_config_space(device, "0000:01:00.0").size(), 4096U);
  EXPECT_EQ(device.bytes_read, 256U + 4);
}

TEST(DeviceBars, ConventionalSpaceIsReadWhole) {
  FakeVfioDevice device;
  device.config.resize(256);
  device.put<std::uint32_t>(0xfc, 0x12345678);
  EXPECT_EQ(read_config_space(device, "0000:01:00.0"), device.config);
}

TEST(DeviceBars, SpaceThatCannotBeReadIsAnErrorThatNamesTheDevice) {
  FakeVfioDevice device;
  device.config.resize(64);
  try {
    (void)read_config_space(device, "0000:01:00.0");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("0000:01:00.0"), std::string::npos);
  }
}

}  // namespace
}  // namespace mayfly::vfio
