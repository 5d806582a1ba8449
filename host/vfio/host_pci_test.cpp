// SPDX-License-Identifier: Apache-2.0
#include "vfio/host_pci.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "vfio/backend.hpp"
#include "vfio/host_pci_fixture.hpp"
#include "vfio/iommufd.hpp"

namespace mayfly::vfio {
namespace {

constexpr PciAddress kDisk{0, 1, 0, 0};

/// What require_assignable() says about 0000:01:00.0.
std::string refusal(const testing::HostTree& host) {
  try {
    (void)require_assignable(host.pci(), kDisk);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PciAddress, ReadsWhatLspciWrites) {
  EXPECT_EQ(parse_pci_address("0000:01:00.0"), kDisk);
  EXPECT_EQ(parse_pci_address("01:00.0"), kDisk);
  EXPECT_EQ(parse_pci_address("10000:e1:1f.7"), (PciAddress{0x10000, 0xe1, 0x1f, 7}));
}

TEST(PciAddress, RefusesAllElse) {
  for (const char* text : {"", "1:0.0", "0000:01:00", "0000:01:00.8", "0000:01:20.0", "0000:01:00.0 ",
                           "xxxx:01:00.0", "0000:01:00.00", "0000-01-00.0", ":01:00.0", "123456789:01:00.0",
                           "../../../..", "-1:01:00.0", "0000:01:00.0/driver"}) {
    EXPECT_EQ(parse_pci_address(text), std::nullopt) << text;
  }
}

TEST(PciAddress, IsWrittenWithItsDomain) { EXPECT_EQ(to_string({0, 0x1e, 0x1f, 2}), "0000:1e:1f.2"); }

TEST(HostPci, TellsWhatSysSays) {
  const testing::HostTree host;
  host.add("0000:01:00.0", "nvme", "7");
  const auto device = host.pci().find(kDisk);
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ(device->vendor, 0x1b36);
  EXPECT_EQ(device->class_code, 0x010802U);
  EXPECT_EQ(device->driver, "nvme");
  EXPECT_EQ(device->group, 7U);
  EXPECT_EQ(device->numa_node, std::nullopt);
  EXPECT_EQ(device->reset_methods, "flr bus");
}

TEST(HostPci, ListsByAddressAndByGroup) {
  const testing::HostTree host;
  host.add("0000:02:00.0", "", "8");
  host.add("0000:01:00.1", "", "7");
  host.add("0000:01:00.0", "", "7");
  EXPECT_EQ(host.pci().all().size(), 3U);
  EXPECT_EQ(host.pci().all().front().address, kDisk);
  EXPECT_EQ(with_drivers(host.pci().group(7)), "0000:01:00.0 (no driver), 0000:01:00.1 (no driver)");
}

TEST(Assignable, DeviceOfVfioPciIs) {
  const testing::HostTree host;
  host.add("0000:01:00.0", kVfioDriver, "7");
  EXPECT_EQ(refusal(host), "");
}

TEST(Assignable, AbsentDeviceIsNamed) {
  EXPECT_EQ(refusal(testing::HostTree()),
            "there is no PCI device 0000:01:00.0; `mayfly device list` shows those that are");
}

TEST(Assignable, BridgeIsNot) {
  const testing::HostTree host;
  host.add("0000:01:00.0", "pcieport", "7", "0x060400");
  EXPECT_NE(refusal(host).find("is a bridge"), std::string::npos);
}

TEST(Assignable, NoIommuIsSaid) {
  const testing::HostTree host;
  host.add("0000:01:00.0", kVfioDriver, "");
  EXPECT_NE(refusal(host).find("has no IOMMU group"), std::string::npos);
}

TEST(Assignable, OtherDriverIsNamedWithTheMend) {
  const testing::HostTree host;
  host.add("0000:01:00.0", "nvme", "7");
  EXPECT_EQ(
      refusal(host),
      "device 0000:01:00.0 is bound to the driver nvme, not to vfio-pci; `mayfly device bind 0000:01:00.0` "
      "does that");
}

TEST(Assignable, GroupThatIsNotViableNamesTheOthers) {
  const testing::HostTree host;
  host.add("0000:01:00.0", kVfioDriver, "7");
  host.add("0000:01:00.1", "snd_hda_intel", "7");
  host.add("0000:01:00.2", "", "7");
  host.add("0000:00:01.0", "pcieport", "7", "0x060400");
  const std::string said = refusal(host);
  EXPECT_NE(said.find("IOMMU group 7 of device 0000:01:00.0 is not viable"), std::string::npos) << said;
  EXPECT_NE(said.find("0000:01:00.1 (snd_hda_intel);"), std::string::npos) << said;
  EXPECT_EQ(said.find("01:00.2"), std::string::npos) << said;
  EXPECT_EQ(said.find("pcieport"), std::string::npos) << said;
}

TEST(OpenedFiles, KernelWithoutIommufdIsSaid) {
  const testing::HostTree host;
  try {
    (void)open_files(BackendChoice::kIommufd, host.pci(), {});
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("this kernel has no iommufd"), std::string::npos)
        << error.what();
  }
}

TEST(OpenedFiles, KernelWithoutVfioIsSaid) {
  const testing::HostTree host;
  EXPECT_THROW((void)open_files(BackendChoice::kAuto, host.pci(), {}), Error);
}

TEST(Backend, FileThatIsNoContainerIsRefused) {
  const testing::HostTree host;
  host.write("dev/vfio/vfio", "");
  EXPECT_THROW((void)make_backend(open_files(BackendChoice::kType1, host.pci(), {}), {}), Error);
}

TEST(Iommufd, CharacterDeviceIsFoundInSys) {
  const testing::HostTree host;
  host.add("0000:01:00.0", kVfioDriver, "7");
  EXPECT_EQ(character_device(host.pci(), kDisk), "");
  std::filesystem::create_directories(host.device("0000:01:00.0") / "vfio-dev/vfio3");
  EXPECT_EQ(character_device(host.pci(), kDisk), (host.root() / "dev/vfio/devices/vfio3").string());
}

}  // namespace
}  // namespace mayfly::vfio
