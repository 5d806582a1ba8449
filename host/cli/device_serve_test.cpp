// SPDX-License-Identifier: Apache-2.0
#include "cli/device_serve.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "vfio/host_pci_fixture.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const ServeOptions& options) {
  try {
    (void)check_serve_options(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceServe, DevicesJoinedByCommasAreOneLot) {
  const ServeCommand command =
      check_serve_options({.socket = "s", .iommu = "iommufd", .lots = {"0000:01:00.0,01:00.1", "02:00.0"}});
  EXPECT_EQ(command.socket, "s");
  EXPECT_EQ(command.backend, vfio::BackendChoice::kIommufd);
  ASSERT_EQ(command.lots.size(), 2U);
  EXPECT_EQ(command.lots[0].addresses, (std::vector<vfio::PciAddress>{{0, 1, 0, 0}, {0, 1, 0, 1}}));
  EXPECT_EQ(command.lots[1].addresses, (std::vector<vfio::PciAddress>{{0, 2, 0, 0}}));
}

TEST(DeviceServe, MemoryIsSaidAfterItsDevices) {
  const ServeCommand command = check_serve_options(
      {.socket = "s",
       .lots = {"01:00.0,01:00.1,memory=8G,pages=1g,node=1", "02:00.0,memory=512M", "03:00.0"}});
  EXPECT_EQ(command.lots[0].addresses.size(), 2U);
  EXPECT_EQ(to_string(command.lots[0].memory.value()), "8192 MiB of 1g pages on node 1");
  EXPECT_EQ(to_string(command.lots[1].memory.value()), "512 MiB of 2m pages");
  EXPECT_FALSE(command.lots[2].memory.has_value());
}

TEST(DeviceServe, MemoryThatThereCannotBeIsNamed) {
  const auto said = [](const std::string& lot) { return refusal({.socket = "s", .lots = {lot}}); };
  EXPECT_EQ(said("01:00.0,memory=8X"),
            "'01:00.0,memory=8X': '8X' is no size as `mayfly run --memory` takes it, such as 512M or 8G");
  EXPECT_NE(said("01:00.0,memory=").find("'' is no size"), std::string::npos);
  EXPECT_NE(said("01:00.0,memory=512M,pages=1g").find("not a multiple of its pages"), std::string::npos);
  EXPECT_NE(said("01:00.0,memory=512M,pages=auto").find("pages is 2m"), std::string::npos);
  EXPECT_NE(said("01:00.0,memory=512M,node=x").find("node is a number from 0"), std::string::npos);
  EXPECT_NE(said("01:00.0,memory=512M,count=2").find("after the devices there may be"), std::string::npos);
  EXPECT_NE(said("01:00.0,pages=2m").find("after the devices there may be"), std::string::npos);
  EXPECT_NE(said("memory=512M").find("no device of a guest"), std::string::npos);
}

TEST(DeviceServe, WhatMakesNoSenseIsNamed) {
  EXPECT_NE(refusal({.lots = {"01:00.0"}}).find("no socket given"), std::string::npos);
  EXPECT_NE(refusal({.socket = "s"}).find("no device given"), std::string::npos);
  EXPECT_NE(refusal({.socket = "s", .lots = {"nvme0"}}).find("'nvme0' is not a PCI address"),
            std::string::npos);
  EXPECT_NE(refusal({.socket = "s", .lots = {"01:00.0,"}}).find("'' is not a PCI address"),
            std::string::npos);
  EXPECT_NE(refusal({.socket = "s", .lots = {"01:00.0", "0000:01:00.0"}}).find("named twice"),
            std::string::npos);
  EXPECT_NE(refusal({.socket = "s", .iommu = "vtd", .lots = {"01:00.0"}}).find("--iommu 'vtd'"),
            std::string::npos);
}

TEST(DeviceServe, TooManyDevicesForOneGuestAreRefused) {
  std::string lot = "00:00.0";
  for (int i = 1; i <= 16; ++i) {
    lot += ",0" + std::to_string(i / 8) + ":01." + std::to_string(i % 8);
  }
  EXPECT_NE(refusal({.socket = "s", .lots = {lot}}).find("at most 16"), std::string::npos);
}

TEST(DeviceServe, GroupIsNotTornApart) {
  const vfio::testing::HostTree host;
  host.add("0000:01:00.0", vfio::kVfioDriver, "7");
  host.add("0000:01:00.1", vfio::kVfioDriver, "7");
  try {
    serve_devices(check_serve_options({.socket = "s", .lots = {"01:00.0", "01:00.1"}}), host.pci());
    FAIL() << "served";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "devices 0000:01:00.0 and 0000:01:00.1 share IOMMU group 7, so one guest gets both; join them "
              "by a comma");
  }
}

TEST(DeviceServe, DeviceThatCannotBeOpenedEndsItAndItsSocket) {
  const vfio::testing::HostTree host;
  host.add("0000:01:00.0", vfio::kVfioDriver, "7");
  const std::string socket = (host.root() / "socket").string();
  try {
    serve_devices(check_serve_options({.socket = socket, .lots = {"01:00.0"}}), host.pci());
    FAIL() << "served";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cannot open"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(std::filesystem::exists(socket));
}

}  // namespace
}  // namespace mayfly::cli
