// SPDX-License-Identifier: Apache-2.0
#include "vfio/binding.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "vfio/device_use.hpp"
#include "vfio/host_pci_fixture.hpp"

namespace mayfly::vfio {
namespace {

constexpr PciAddress kDisk{0, 1, 0, 0};
constexpr const char* kDiskName = "0000:01:00.0";
constexpr const char* kDiskOverride = "sys/bus/pci/devices/0000:01:00.0/driver_override";

/// A host with a disk in group 7. Its /sys takes writes and does nothing.
class BindingTest : public ::testing::Test {
 protected:
  void add_disk(const std::string& driver) {
    host_.add(kDiskName, driver, "7");
    host_.write("sys/bus/pci/drivers_probe", "");
    if (!driver.empty()) {
      host_.write("sys/bus/pci/drivers/" + driver + "/unbind", "");
    }
    std::filesystem::create_directories(host_.root() / "sys/bus/pci/drivers/vfio-pci");
  }
  /// A child of the disk's in /sys, of a class.
  std::string add_child(const std::string& path, const std::string& of_class) {
    const std::string relative = "sys/bus/pci/devices/0000:01:00.0/" + path;
    std::filesystem::create_directories(host_.root() / relative);
    std::filesystem::create_directories(host_.root() / "sys/class" / of_class);
    std::filesystem::create_directory_symlink(host_.root() / "sys/class" / of_class,
                                              host_.root() / relative / "subsystem");
    return relative;
  }
  template <typename Action>
  static std::string refusal(Action action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  std::string bind_refusal() {
    return refusal([&] { bind_to_vfio(host_.pci(), {&kDisk, 1}); });
  }
  [[nodiscard]] bool untouched() const { return host_.read(kDiskOverride) == "(null)"; }

  testing::HostTree host_;
};

TEST_F(BindingTest, OverridesUnbindsAndProbes) {
  add_disk("nvme");
  // Nobody changes the driver link of this host, and that is noticed.
  EXPECT_NE(bind_refusal().find("vfio-pci did not take device"), std::string::npos);
  EXPECT_EQ(host_.read(kDiskOverride), "vfio-pci");
  EXPECT_EQ(host_.read("sys/bus/pci/drivers/nvme/unbind"), kDiskName);
  EXPECT_EQ(host_.read("sys/bus/pci/drivers_probe"), kDiskName);
}

TEST_F(BindingTest, DeviceThatIsBoundStaysAsItIs) {
  add_disk(kVfioDriver);
  EXPECT_EQ(bind_refusal(), "");
  EXPECT_TRUE(untouched());
}

TEST_F(BindingTest, MountedPartitionIsNamedAndNothingChanges) {
  add_disk("nvme");
  const std::string part = add_child("nvme/nvme0/nvme0n1/nvme0n1p1", "block");
  host_.write(part + "/dev", "259:1\n");
  host_.write("proc/self/mountinfo", "26 1 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
  EXPECT_EQ(bind_refusal(), "device 0000:01:00.0 is in use: nvme0n1p1 is mounted on /srv; end that first");
  EXPECT_TRUE(untouched());
}

TEST_F(BindingTest, SwapAndHoldersAreUses) {
  add_disk("nvme");
  const std::string swap = add_child("nvme/nvme0/nvme0n1/nvme0n1p2", "block");
  host_.write("proc/swaps", "Filename\t\t\t\tType\n/dev/nvme0n1p2 partition 1 0 -2\n");
  const std::string held = add_child("nvme/nvme0/nvme0n1/nvme0n1p3", "block");
  host_.write(held + "/holders/dm-0/x", "");
  const std::vector<std::string> uses = uses_of(host_.pci(), kDisk);
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_NE(std::ranges::find(uses, "nvme0n1p2 is swap"), uses.end());
  EXPECT_NE(std::ranges::find(uses, "nvme0n1p3 is part of dm-0"), uses.end());
}

TEST_F(BindingTest, DiskOfAnNvmeSubsystemCounts) {
  add_disk("nvme");
  add_child("nvme/nvme0", "nvme");
  std::filesystem::create_directories(host_.root() / "sys/class/nvme-subsystem/nvme-subsys0/nvme0");
  const std::string disk = "sys/class/nvme-subsystem/nvme-subsys0/nvme0n1";
  host_.write(disk + "/dev", "259:0\n");
  std::filesystem::create_directories(host_.root() / "sys/class/block");
  std::filesystem::create_directory_symlink(host_.root() / "sys/class/block",
                                            host_.root() / disk / "subsystem");
  host_.write("proc/self/mountinfo", "26 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
  EXPECT_EQ(uses_of(host_.pci(), kDisk), std::vector<std::string>{"nvme0n1 is mounted on /"});
}

TEST_F(BindingTest, InterfaceThatIsUpIsNamedAndOneThatIsDownIsNot) {
  add_disk("e1000e");
  const std::string interface = add_child("net/eth0", "net");
  host_.write(interface + "/flags", "0x1002\n");
  EXPECT_TRUE(uses_of(host_.pci(), kDisk).empty());
  host_.write(interface + "/flags", "0x1003\n");
  EXPECT_EQ(bind_refusal(), "device 0000:01:00.0 is in use: network interface eth0 is up; end that first");
}

TEST_F(BindingTest, GroupIsTakenWholeOrNotAtAll) {
  add_disk("nvme");
  host_.add("0000:01:00.1", "snd", "7");
  const std::string said = bind_refusal();
  EXPECT_NE(said.find("would not be viable: the host uses 0000:01:00.1 (snd)"), std::string::npos) << said;
  EXPECT_TRUE(untouched());
  const std::array both{kDisk, PciAddress{0, 1, 0, 1}};
  const std::string taken = refusal([&] { bind_to_vfio(host_.pci(), both); });
  EXPECT_EQ(taken.find("viable"), std::string::npos) << taken;
}

TEST_F(BindingTest, BridgeAbsentDeviceAndNoIommuAreRefused) {
  host_.add(kDiskName, "", "7", "0x060400");
  EXPECT_NE(bind_refusal().find("is a bridge"), std::string::npos);
  const PciAddress absent{0, 9, 0, 0};
  EXPECT_NE(refusal([&] {
              bind_to_vfio(host_.pci(), {&absent, 1});
            }).find("there is no PCI device 0000:09:00.0"),
            std::string::npos);
  host_.add("0000:02:00.0", "", "");
  const PciAddress alone{0, 2, 0, 0};
  EXPECT_NE(refusal([&] {
              bind_to_vfio(host_.pci(), {&alone, 1});
            }).find("has no IOMMU group"),
            std::string::npos);
}

TEST_F(BindingTest, HostWithoutTheDriverIsTold) {
  host_.add(kDiskName, "", "7");
  EXPECT_NE(bind_refusal().find("modprobe vfio-pci"), std::string::npos);
  EXPECT_TRUE(untouched());
}

TEST_F(BindingTest, UnbindGivesBackAndRefusesWhatVfioHasNot) {
  add_disk(kVfioDriver);
  unbind_from_vfio(host_.pci(), {&kDisk, 1});
  EXPECT_EQ(host_.read(kDiskOverride), "");
  EXPECT_EQ(host_.read("sys/bus/pci/drivers/vfio-pci/unbind"), kDiskName);
  host_.add("0000:02:00.0", "nvme", "8");
  const PciAddress other{0, 2, 0, 0};
  EXPECT_NE(refusal([&] {
              unbind_from_vfio(host_.pci(), {&other, 1});
            }).find("the driver nvme, not to vfio-pci"),
            std::string::npos);
}

}  // namespace
}  // namespace mayfly::vfio
