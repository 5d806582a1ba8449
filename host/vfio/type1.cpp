// SPDX-License-Identifier: Apache-2.0
#include "vfio/type1.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/error.hpp"
#include "vfio/abi.hpp"
#include "vfio/device_file.hpp"

namespace mayfly::vfio {
namespace {

/// The module's parameter dma_entry_limit, where the kernel does not say what is left of it.
constexpr std::uint32_t kEntriesByDefault = 65535;

/// True when the group is in a container. Throws Error when it is none, or not viable.
bool is_in_container(int group, const HostDevice& device) {
  const std::string name =
      "IOMMU group " + std::to_string(device.group.value()) + " of device " + to_string(device.address);
  vfio_group_status status{};
  status.argsz = sizeof(status);
  if (::ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0) {
    fail_errno("VFIO does not tell about " + name);
  }
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
    throw Error(name +
                " is not viable: the host still uses a part of it; bind all of it to vfio-pci, or none");
  }
  return (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET) != 0;
}

bool has_iommu(int container) noexcept {
  vfio_iommu_type1_info info{};
  info.argsz = sizeof(info);
  return ::ioctl(container, VFIO_IOMMU_GET_INFO, &info) == 0;
}

/// How many maps the container takes (VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL).
std::uint32_t read_entry_limit(int container) {
  std::vector<std::byte> bytes(sizeof(vfio_iommu_type1_info));
  vfio_iommu_type1_info info{};
  for (int round = 0; round < 2; ++round) {
    info = {};
    info.argsz = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &info, sizeof(info));
    if (::ioctl(container, VFIO_IOMMU_GET_INFO, bytes.data()) < 0) {
      return kEntriesByDefault;
    }
    std::memcpy(&info, bytes.data(), sizeof(info));
    if (info.argsz <= bytes.size()) {
      break;
    }
    bytes.resize(info.argsz);
  }
  std::size_t at = (info.flags & VFIO_IOMMU_INFO_CAPS) != 0 ? info.cap_offset : 0;
  while (at >= sizeof(info) && at + sizeof(vfio_iommu_type1_info_dma_avail) <= bytes.size()) {
    vfio_iommu_type1_info_dma_avail capability{};
    std::memcpy(&capability, bytes.data() + at, sizeof(capability));
    if (capability.header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
      return capability.avail;
    }
    at = capability.header.next > at ? capability.header.next : 0;
  }
  return kEntriesByDefault;
}

}  // namespace

Type1::Type1(OpenedFiles files, std::span<const HostDevice> devices) {
  join_container(files, devices);
  container_ = std::move(files.space);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    groups_.try_emplace(devices[i].group.value(), std::move(files.devices[i]));
  }
  max_entries_ = read_entry_limit(container_.get());
}

Result<void, IommuFault> Type1::map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                    Access access) noexcept {
  vfio_iommu_type1_dma_map request{};
  request.argsz = sizeof(request);
  request.flags = VFIO_DMA_MAP_FLAG_READ | (access == Access::kReadWrite ? VFIO_DMA_MAP_FLAG_WRITE : 0U);
  request.vaddr = reinterpret_cast<std::uint64_t>(memory);  // Safe: VFIO takes the address as a number.
  request.iova = at.raw();
  request.size = bytes;
  if (::ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &request) < 0) {
    return unexpected(IommuFault{errno});
  }
  return {};
}

Result<void, IommuFault> Type1::unmap(GuestRange range) noexcept {
  vfio_iommu_type1_dma_unmap request{};
  request.argsz = sizeof(request);
  request.iova = range.start.raw();
  request.size = range.bytes;
  if (::ioctl(container_.get(), VFIO_IOMMU_UNMAP_DMA, &request) < 0) {
    return unexpected(IommuFault{errno});
  }
  return {};
}

std::unique_ptr<DeviceAccess> Type1::open(const HostDevice& device) {
  return std::make_unique<DeviceFile>(open_device(groups_.at(device.group.value()).get(), device.address),
                                      to_string(device.address));
}

Fd open_group(const HostPci& host, const HostDevice& device) {
  const std::string path = host.dev("vfio/" + std::to_string(device.group.value()));
  Fd group(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!group) {
    const int failure = errno;
    const std::string name = to_string(device.address);
    throw Error(failure, failure == EBUSY ? "device " + name + " is in use by another process (" + path + ")"
                                          : "cannot open " + path + " for device " + name);
  }
  return group;
}

void join_container(const OpenedFiles& files, std::span<const HostDevice> devices) {
  const int container = files.space.get();
  if (::ioctl(container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
      ::ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1) {
    throw Error("VFIO has no type1 v2 IOMMU; load it: modprobe vfio_iommu_type1");
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const int group = files.devices[i].get();
    if (!is_in_container(group, devices[i]) && ::ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0) {
      fail_errno("cannot take the group of device " + to_string(devices[i].address));
    }
  }
  if (!has_iommu(container) && ::ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0) {
    const int failure = errno;
    const std::string name = to_string(devices.front().address);
    throw Error(failure, failure == EPERM
                             ? "VFIO refuses the IOMMU of device " + name +
                                   ": it cannot remap interrupts (see allow_unsafe_interrupts of "
                                   "vfio_iommu_type1)"
                             : "VFIO cannot use the IOMMU of device " + name);
  }
}

Fd open_device(int group, const PciAddress& address) {
  const std::string name = to_string(address);
  Fd file(::ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name.c_str()));
  if (!file) {
    fail_errno("cannot open device " + name);
  }
  return file;
}

}  // namespace mayfly::vfio
