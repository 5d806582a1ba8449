// SPDX-License-Identifier: Apache-2.0
#include "vfio/iommufd.hpp"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>

#include "base/error.hpp"
#include "vfio/device_file.hpp"
#include "vfio/iommufd_abi.hpp"

namespace mayfly::vfio {
namespace {

/// 0, or errno.
int bind(int file, int iommufd, Ioctl ioctl) noexcept {
  BindIommufd request;
  request.iommufd = iommufd;
  return ioctl(file, kBindIommufd, &request) < 0 ? errno : 0;
}

Error bind_error(int failure, const PciAddress& address) {
  const std::string name = to_string(address);
  return {failure, failure == EBUSY || failure == EINVAL ? "device " + name + " is in use by another process"
                                                         : "cannot open device " + name};
}

}  // namespace

int system_ioctl(int file, unsigned long request, void* argument) noexcept {
  return ::ioctl(file, request, argument);
}

Iommufd::Iommufd(OpenedFiles files, std::span<const HostDevice> devices, Ioctl ioctl)
    : ioctl_(ioctl), file_(std::move(files.space)), ioas_(files.ioas), attached_(files.ioas != 0) {
  if (!attached_) {
    IoasAlloc request;
    if (ioctl_(file_.get(), kIoasAlloc, &request) < 0) {
      fail_errno("iommufd gives no address space");
    }
    ioas_ = request.id;
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    devices_.try_emplace(devices[i].address, std::move(files.devices[i]));
  }
}

Result<void, IommuFault> Iommufd::map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                      Access access) noexcept {
  IoasMap request;
  request.flags =
      IoasMap::kFixed | IoasMap::kReadable | (access == Access::kReadWrite ? IoasMap::kWriteable : 0U);
  request.ioas = ioas_;
  request.memory = reinterpret_cast<std::uint64_t>(memory);  // Safe: iommufd takes the address as a number.
  request.length = bytes;
  request.at = at.raw();
  if (ioctl_(file_.get(), kIoasMap, &request) < 0) {
    return unexpected(IommuFault{errno});
  }
  return {};
}

Result<void, IommuFault> Iommufd::unmap(GuestRange range) noexcept {
  IoasUnmap request;
  request.ioas = ioas_;
  request.at = range.start.raw();
  request.length = range.bytes;
  if (ioctl_(file_.get(), kIoasUnmap, &request) < 0) {
    return unexpected(IommuFault{errno});
  }
  return {};
}

std::unique_ptr<DeviceAccess> Iommufd::open(const HostDevice& device) {
  Fd& file = devices_.at(device.address);
  if (attached_) {
    return std::make_unique<DeviceFile>(std::move(file), to_string(device.address));
  }
  // EINVAL is that this file is bound already, or another one: attaching tells.
  const int failure = bind(file.get(), file_.get(), ioctl_);
  if (failure != 0 && failure != EINVAL) {
    throw bind_error(failure, device.address);
  }
  AttachIommufd attach;
  attach.ioas = ioas_;
  if (ioctl_(file.get(), kAttachIommufd, &attach) < 0) {
    if (failure != 0) {
      throw bind_error(failure, device.address);
    }
    fail_errno("cannot put device " + to_string(device.address) + " into the guest's address space");
  }
  return std::make_unique<DeviceFile>(std::move(file), to_string(device.address));
}

std::string character_device(const HostPci& host, const PciAddress& address) {
  std::error_code error;
  const std::filesystem::directory_iterator entry(host.path_of(address) + "/vfio-dev", error);
  return error || entry == std::filesystem::directory_iterator()
             ? ""
             : host.dev("vfio/devices/" + entry->path().filename().string());
}

Fd open_character_device(const HostPci& host, const PciAddress& address) {
  const std::string name = to_string(address);
  const std::string path = character_device(host, address);
  if (path.empty()) {
    throw Error(
        "device " + name +
        " has no character device of VFIO; the kernel needs CONFIG_VFIO_DEVICE_CDEV, or use iommu=type1");
  }
  Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) {
    fail_errno("cannot open " + path + " for device " + name);
  }
  return file;
}

void bind_device(int file, int iommufd, const PciAddress& address, Ioctl ioctl) {
  if (const int failure = bind(file, iommufd, ioctl); failure != 0) {
    throw bind_error(failure, address);
  }
}

bool is_compatibility_container(int container) noexcept {
  // Only iommufd knows the request; a container of VFIO's own refuses it.
  IoasAlloc request;
  return ::ioctl(container, kIoasAlloc, &request) == 0;
}

}  // namespace mayfly::vfio
