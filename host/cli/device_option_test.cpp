// SPDX-License-Identifier: Apache-2.0
#include "cli/device_option.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::vector<std::string>& texts) {
  try {
    (void)check_devices(texts);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceOption, AddressAloneTakesTheDefaults) {
  const auto devices = check_devices({"vfio=0000:01:00.0"});
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].address, (vfio::PciAddress{0, 1, 0, 0}));
  EXPECT_EQ(devices[0].backend, vfio::BackendChoice::kAuto);
  EXPECT_EQ(devices[0].peers, vmm::DevicePeers::kNo);
}

TEST(DeviceOption, OneAnswerAboutTheIommuIsEverybodys) {
  const auto devices = check_devices({"vfio=01:00.0", "vfio=02:00.0,peers=yes,iommu=iommufd"});
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].backend, vfio::BackendChoice::kIommufd);
  EXPECT_EQ(devices[1].peers, vmm::DevicePeers::kYes);
}

TEST(DeviceOption, TwoAnswersAreRefused) {
  EXPECT_NE(refusal({"vfio=01:00.0,iommu=type1", "vfio=02:00.0,iommu=iommufd"}).find("share one IOMMU"),
            std::string::npos);
}

TEST(DeviceOption, DeviceTwiceIsRefusedHoweverItIsWritten) {
  EXPECT_EQ(refusal({"vfio=0000:01:00.0", "vfio=01:00.0"}),
            "--device 'vfio=01:00.0': the device is named twice");
}

TEST(DeviceOption, MalformedTextIsNamed) {
  EXPECT_NE(refusal({"vfio=1:0.0"}).find("--device 'vfio=1:0.0': not a PCI address"), std::string::npos);
  EXPECT_NE(refusal({"nvme"}).find("write vfio=ADDRESS"), std::string::npos);
  for (const char* text : {"vfio=01:00.0,", "vfio=01:00.0,iommu", "vfio=01:00.0,iommu=vtd",
                           "vfio=01:00.0,x=1", "vfio=01:00.0,peers=maybe"}) {
    EXPECT_EQ(refusal({text}).empty(), std::string_view(text).ends_with(',')) << text;
  }
}

}  // namespace
}  // namespace mayfly::cli
