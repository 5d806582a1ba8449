// SPDX-License-Identifier: Apache-2.0
#include "cli/device_command.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "vfio/host_pci_fixture.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::vector<std::string>& words) {
  try {
    (void)check_device_command(words);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceCommand, ActionAndAddressesAreTaken) {
  const DeviceCommand command = check_device_command({"bind", "0000:01:00.0", "02:00.1"});
  EXPECT_EQ(command.action, DeviceAction::kBind);
  EXPECT_EQ(command.addresses, (std::vector<vfio::PciAddress>{{0, 1, 0, 0}, {0, 2, 0, 1}}));
  EXPECT_EQ(check_device_command({"unbind", "01:00.0"}).action, DeviceAction::kUnbind);
  EXPECT_EQ(check_device_command({"list"}).action, DeviceAction::kList);
}

TEST(DeviceCommand, WhatMakesNoSenseIsNamed) {
  EXPECT_NE(refusal({}).find("no action given"), std::string::npos);
  EXPECT_NE(refusal({"eject"}).find("no action 'eject'"), std::string::npos);
  EXPECT_NE(refusal({"bind"}).find("no device given"), std::string::npos);
  EXPECT_NE(refusal({"list", "01:00.0"}).find("takes no address"), std::string::npos);
  EXPECT_NE(refusal({"bind", "nvme0"}).find("'nvme0' is not a PCI address"), std::string::npos);
  EXPECT_NE(refusal({"bind", "01:00.0", "01:00.0"}).find("named twice"), std::string::npos);
}

TEST(DeviceCommand, ListShowsWhatThereIs) {
  const vfio::testing::HostTree host;
  host.add("0000:01:00.0", "nvme", "7");
  host.add("0000:02:00.0", "", "");
  EXPECT_EQ(run_device_command({}, host.pci()),
            "ADDRESS       ID         CLASS   DRIVER  GROUP  NODE  RESET\n"
            "0000:01:00.0  1b36:0010  010802  nvme    7      -     flr bus\n"
            "0000:02:00.0  1b36:0010  010802  -       -      -     flr bus\n");
}

}  // namespace
}  // namespace mayfly::cli
