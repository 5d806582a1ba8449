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
  const auto devices = check_devices({"vfio=01:00.0", "vfio=02:00.0,peers=yes,intx=yes,iommu=iommufd"});
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].backend, vfio::BackendChoice::kIommufd);
  EXPECT_EQ(devices[1].peers, vmm::DevicePeers::kYes);
  EXPECT_EQ(devices[1].intx, vfio::IntxUse::kYes);
}

TEST(DeviceOption, TwoAnswersAreRefused) {
  EXPECT_NE(refusal({"vfio=01:00.0,iommu=type1", "vfio=02:00.0,iommu=iommufd"}).find("share one IOMMU"),
            std::string::npos);
}

TEST(DeviceOption, DeviceTwiceIsRefusedHoweverItIsWritten) {
  EXPECT_EQ(refusal({"vfio=0000:01:00.0", "vfio=01:00.0"}),
            "--device 'vfio=01:00.0': the device is named twice");
}

TEST(DeviceOption, BrokerIsTaken) {
  const auto devices = check_devices({"vfio=01:00.0,broker=/run/b", "vfio=02:00.0,broker=/run/b,peers=yes"});
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(std::get<vmm::AtBroker>(devices[1].opener).path, "/run/b");
  EXPECT_EQ(devices[1].peers, vmm::DevicePeers::kYes);
}

TEST(DeviceOption, DescriptorsAreTakenInPairs) {
  const auto type1 = check_devices({"vfio=01:00.0,container=5,group=6", "vfio=02:00.0,group=7,container=5"});
  ASSERT_EQ(type1.size(), 2U);
  EXPECT_EQ(type1[1].backend, vfio::BackendChoice::kType1);
  EXPECT_EQ(std::get<vfio::GivenFiles>(type1[1].opener).space, 5);
  EXPECT_EQ(std::get<vfio::GivenFiles>(type1[1].opener).device, 7);
  const auto iommufd = check_devices({"vfio=01:00.0,iommufd=5,device=6"});
  EXPECT_EQ(iommufd[0].backend, vfio::BackendChoice::kIommufd);
  EXPECT_EQ(std::get<vfio::GivenFiles>(iommufd[0].opener).device, 6);
  for (const char* text : {"container=5", "group=5", "iommufd=5", "device=5", "container=5,device=6",
                           "container=5,group=6,iommufd=7,device=8"}) {
    EXPECT_NE(
        refusal({std::string("vfio=01:00.0,") + text}).find("container=N,group=N or iommufd=N,device=N"),
        std::string::npos)
        << text;
  }
  for (const char* number : {"", "2", "-1", "x", "4294967296"}) {
    EXPECT_NE(refusal({std::string("vfio=01:00.0,group=6,container=") + number}).find("3 or more"),
              std::string::npos)
        << number;
  }
}

TEST(DeviceOption, OpenDeviceHasItsInterface) {
  EXPECT_NE(refusal({"vfio=01:00.0,broker=/b,iommu=type1"}).find("chosen the iommu="), std::string::npos);
  EXPECT_NE(refusal({"vfio=01:00.0,container=5,group=6,iommu=auto"}).find("chosen the iommu="),
            std::string::npos);
  EXPECT_NE(refusal({"vfio=01:00.0,container=5,group=6,broker=/b"}).find("name one of both"),
            std::string::npos);
}

TEST(DeviceOption, DevicesOfOneGuestAreOpenedByOne) {
  const std::string own = "vfio=01:00.0";
  const std::string at_broker = "vfio=02:00.0,broker=/b";
  const std::string given = "vfio=03:00.0,container=5,group=6";
  for (const auto& texts :
       std::vector<std::vector<std::string>>{{own, at_broker},
                                             {at_broker, own},
                                             {at_broker, given},
                                             {own, given},
                                             {at_broker, "vfio=04:00.0,broker=/c"},
                                             {given, "vfio=04:00.0,container=4,group=7"}}) {
    EXPECT_NE(refusal(texts).find("give the same broker=, container= or iommufd= to each"), std::string::npos)
        << texts[0] << ' ' << texts[1];
  }
}

TEST(DeviceOption, MalformedTextIsNamed) {
  EXPECT_NE(refusal({"vfio=1:0.0"}).find("--device 'vfio=1:0.0': not a PCI address"), std::string::npos);
  EXPECT_NE(refusal({"nvme"}).find("write vfio=ADDRESS"), std::string::npos);
  for (const char* text :
       {"vfio=01:00.0,", "vfio=01:00.0,iommu", "vfio=01:00.0,iommu=vtd", "vfio=01:00.0,x=1",
        "vfio=01:00.0,peers=maybe", "vfio=01:00.0,intx=no", "vfio=01:00.0,broker="}) {
    EXPECT_EQ(refusal({text}).empty(), std::string_view(text).ends_with(',')) << text;
  }
}

}  // namespace
}  // namespace mayfly::cli
