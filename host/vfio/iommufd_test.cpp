// SPDX-License-Identifier: Apache-2.0
#include "vfio/iommufd.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "vfio/host_pci_fixture.hpp"
#include "vfio/iommufd_abi.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::uint32_t kIoas = 5;
constexpr PciAddress kDisk{0, 1, 0, 0};

/// What the kernel was asked, as it came; and what it says.
struct Kernel {
  std::vector<unsigned long> requests;
  IoasMap map;
  IoasUnmap unmap;
  BindIommufd bind;
  AttachIommufd attach;
  unsigned long refused = 0;
  unsigned long refused_too = 0;
  int errno_value = 0;
};
Kernel kernel;  // NOLINT: an ioctl has no other way to find it

template <typename T>
void keep(T& to, const void* from) noexcept {
  std::memcpy(&to, from, sizeof(T));
}

int fake_ioctl(int /*file*/, unsigned long request, void* argument) noexcept {
  kernel.requests.push_back(request);
  if (request == kernel.refused || request == kernel.refused_too) {
    errno = kernel.errno_value;
    return -1;
  }
  switch (request) {
    case kIoasAlloc:
      static_cast<IoasAlloc*>(argument)->id = kIoas;
      break;
    case kIoasMap:
      keep(kernel.map, argument);
      break;
    case kIoasUnmap:
      keep(kernel.unmap, argument);
      break;
    case kBindIommufd:
      keep(kernel.bind, argument);
      break;
    default:
      keep(kernel.attach, argument);
      break;
  }
  return 0;
}

class IommufdTest : public ::testing::Test {
 protected:
  IommufdTest() {
    kernel = {};
    host_.add("0000:01:00.0", kVfioDriver, "7");
  }
  /// Over files that are none, which the kernel above does not mind.
  [[nodiscard]] Iommufd make() const {
    OpenedFiles files{BackendChoice::kIommufd, {}, {}};
    files.devices.emplace_back();
    return {std::move(files), std::array{disk()}, fake_ioctl};
  }
  [[nodiscard]] HostDevice disk() const { return host_.pci().find(kDisk).value(); }
  [[nodiscard]] std::string open_refusal(Iommufd& iommufd) const {
    try {
      (void)iommufd.open(disk());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  testing::HostTree host_;
};

TEST_F(IommufdTest, MapNamesAddressSpacePlaceAndRights) {
  Iommufd iommufd = make();
  std::byte memory{};
  ASSERT_TRUE(iommufd.map(GuestAddress(0x100000), &memory, 0x200000, Access::kReadWrite).has_value());
  EXPECT_EQ(kernel.map.size, sizeof(IoasMap));
  EXPECT_EQ(kernel.map.ioas, kIoas);
  EXPECT_EQ(kernel.map.flags, IoasMap::kFixed | IoasMap::kReadable | IoasMap::kWriteable);
  EXPECT_EQ(kernel.map.at, 0x100000U);
  EXPECT_EQ(kernel.map.length, 0x200000U);
  EXPECT_EQ(kernel.map.memory, reinterpret_cast<std::uint64_t>(&memory));  // Safe: a number to compare.
  ASSERT_TRUE(iommufd.map(GuestAddress(0), &memory, 0x1000, Access::kReadOnly).has_value());
  EXPECT_EQ(kernel.map.flags, IoasMap::kFixed | IoasMap::kReadable);
}

TEST_F(IommufdTest, UnmapNamesTheRange) {
  Iommufd iommufd = make();
  ASSERT_TRUE(iommufd.unmap({GuestAddress(0x3000), 0x1000}).has_value());
  EXPECT_EQ(kernel.unmap.ioas, kIoas);
  EXPECT_EQ(kernel.unmap.at, 0x3000U);
  EXPECT_EQ(kernel.unmap.length, 0x1000U);
}

TEST_F(IommufdTest, RefusedMapGivesItsReason) {
  Iommufd iommufd = make();
  kernel.refused = kIoasMap;
  kernel.errno_value = ENOMEM;
  const auto mapped = iommufd.map(GuestAddress(0), nullptr, 0x1000, Access::kReadWrite);
  ASSERT_FALSE(mapped.has_value());
  EXPECT_EQ(mapped.error().errno_value, ENOMEM);
}

TEST_F(IommufdTest, DeviceIsBoundAndThenAttached) {
  Iommufd iommufd = make();
  // The file is no device of VFIO, which shows only after both.
  EXPECT_NE(open_refusal(iommufd).find("VFIO does not tell about device 0000:01:00.0"), std::string::npos);
  EXPECT_EQ(kernel.requests, (std::vector<unsigned long>{kIoasAlloc, kBindIommufd, kAttachIommufd}));
  EXPECT_EQ(kernel.attach.ioas, kIoas);
}

TEST_F(IommufdTest, AddressSpaceThatDevicesAreInAlreadyIsUsedAsItIs) {
  OpenedFiles files{BackendChoice::kIommufd, {}, {}, kIoas + 1};
  files.devices.emplace_back();
  Iommufd iommufd(std::move(files), std::array{disk()}, fake_ioctl);
  EXPECT_EQ(iommufd.ioas(), kIoas + 1);
  EXPECT_NE(open_refusal(iommufd).find("VFIO does not tell about device 0000:01:00.0"), std::string::npos);
  EXPECT_TRUE(kernel.requests.empty());
  ASSERT_TRUE(iommufd.unmap({GuestAddress(0x3000), 0x1000}).has_value());
  EXPECT_EQ(kernel.unmap.ioas, kIoas + 1);
}

TEST_F(IommufdTest, DeviceOfAnotherProcessIsSaid) {
  Iommufd iommufd = make();
  kernel.refused = kBindIommufd;
  kernel.errno_value = EBUSY;
  EXPECT_NE(open_refusal(iommufd).find("in use by another process"), std::string::npos);
}

TEST_F(IommufdTest, DeviceThatIsBoundAlreadyIsOnlyAttached) {
  Iommufd iommufd = make();
  kernel.refused = kBindIommufd;
  kernel.errno_value = EINVAL;
  EXPECT_NE(open_refusal(iommufd).find("VFIO does not tell about device 0000:01:00.0"), std::string::npos);
  EXPECT_EQ(kernel.attach.ioas, kIoas);
}

TEST_F(IommufdTest, DeviceThatAnotherFileHasBoundIsInUse) {
  Iommufd iommufd = make();
  kernel.refused = kBindIommufd;
  kernel.refused_too = kAttachIommufd;
  kernel.errno_value = EINVAL;
  EXPECT_NE(open_refusal(iommufd).find("in use by another process"), std::string::npos);
  EXPECT_THROW(bind_device(-1, -1, kDisk, fake_ioctl), Error);
}

TEST_F(IommufdTest, KernelWithoutCharacterDevicesIsSaid) {
  try {
    (void)open_character_device(host_.pci(), kDisk);
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("CONFIG_VFIO_DEVICE_CDEV"), std::string::npos);
  }
}

TEST_F(IommufdTest, NoAddressSpaceIsAnError) {
  kernel.refused = kIoasAlloc;
  kernel.errno_value = ENOMEM;
  EXPECT_THROW((void)make(), Error);
}

TEST_F(IommufdTest, DevicesOpenBeforeMemoryIsMapped) {
  const Iommufd iommufd = make();
  EXPECT_EQ(iommufd.map_time(), Backend::MapTime::kAfterOpening);
  EXPECT_GT(iommufd.parallel_mappers(), 1U);
}

}  // namespace
}  // namespace mayfly::vfio
