// SPDX-License-Identifier: Apache-2.0
#include "vfio/given_files.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "vfio/host_pci_fixture.hpp"

namespace mayfly::vfio {
namespace {

constexpr PciAddress kDisk{0, 1, 0, 0};

Fd open_file(const char* path) { return Fd(::open(path, O_RDWR | O_CLOEXEC)); }

/// /dev/null is the container or /dev/iommu, /dev/zero the disk's group or character device.
class GivenFilesTest : public ::testing::Test {
 protected:
  GivenFilesTest() {
    host_.add("0000:01:00.0", kVfioDriver, "7");
    host_.write("sys/class/misc/vfio/dev", "1:3\n");
    host_.write("sys/class/misc/iommu/dev", "1:3\n");
    host_.write("sys/class/vfio/7/dev", "1:5\n");
    std::filesystem::create_directories(host_.device("0000:01:00.0") / "vfio-dev/vfio3");
    host_.write("sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio3/dev", "1:5\n");
  }
  /// What require_files() says of files at these two paths.
  [[nodiscard]] std::string refusal(BackendChoice interface, const char* space, const char* device) const {
    OpenedFiles files{interface, open_file(space), {}};
    files.devices.push_back(open_file(device));
    try {
      require_files(files, names_of(interface, std::array{GivenFiles{5, 6}}), host_.pci(),
                    std::array{host_.pci().find(kDisk).value()});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  testing::HostTree host_;
};

TEST_F(GivenFilesTest, FilesThatAreWhatSysSaysAreTaken) {
  EXPECT_EQ(refusal(BackendChoice::kType1, "/dev/null", "/dev/zero"), "");
  EXPECT_EQ(refusal(BackendChoice::kIommufd, "/dev/null", "/dev/zero"), "");
}

TEST_F(GivenFilesTest, WrongKindIsNamed) {
  EXPECT_EQ(refusal(BackendChoice::kType1, "/dev/full", "/dev/zero"),
            "descriptor 5 (container=) is not VFIO's container, /dev/vfio/vfio");
  EXPECT_EQ(refusal(BackendChoice::kIommufd, "/dev/full", "/dev/zero"),
            "descriptor 5 (iommufd=) is not /dev/iommu");
  EXPECT_EQ(refusal(BackendChoice::kType1, "/", "/dev/zero"),
            "descriptor 5 (container=) is not VFIO's container, /dev/vfio/vfio");
}

TEST_F(GivenFilesTest, DeviceOfAnotherAddressIsNamed) {
  EXPECT_EQ(refusal(BackendChoice::kType1, "/dev/null", "/dev/full"),
            "descriptor 6 (group=) is not the IOMMU group of device 0000:01:00.0, /dev/vfio/7");
  EXPECT_EQ(refusal(BackendChoice::kIommufd, "/dev/null", "/dev/full"),
            "descriptor 6 (device=) is not VFIO's character device of 0000:01:00.0");
}

TEST_F(GivenFilesTest, NothingIsTakenWhereSysSaysNothing) {
  std::filesystem::remove_all(host_.root() / "sys/class/vfio");
  EXPECT_NE(refusal(BackendChoice::kType1, "/dev/null", "/dev/zero").find("(group=) is not"),
            std::string::npos);
}

TEST_F(GivenFilesTest, ClosedDescriptorIsNamed) {
  const Fd open = open_file("/dev/null");
  const int closed = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::close(closed);
  const auto refusal_of = [](const GivenFiles& given) -> std::string {
    try {
      require_open(BackendChoice::kType1, std::array{given});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal_of({open.get(), open.get()}), "");
  EXPECT_EQ(refusal_of({closed, open.get()}),
            "descriptor " + std::to_string(closed) + " (container=) is not open");
  EXPECT_EQ(refusal_of({open.get(), closed}),
            "descriptor " + std::to_string(closed) + " (group=) is not open");
}

TEST_F(GivenFilesTest, NumbersAreClosedOnceHoweverOftenTheyAreNamed) {
  const int space = ::open("/dev/null", O_RDWR);
  const int group = ::open("/dev/zero", O_RDWR);
  const OpenedFiles files =
      take_files(BackendChoice::kType1, std::array{GivenFiles{space, group}, GivenFiles{space, group}});
  EXPECT_EQ(::fcntl(space, F_GETFD), -1);
  EXPECT_EQ(::fcntl(group, F_GETFD), -1);
  ASSERT_EQ(files.devices.size(), 2U);
  EXPECT_EQ(::fcntl(files.space.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(files.devices[1].get(), F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace mayfly::vfio
