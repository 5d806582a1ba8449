// SPDX-License-Identifier: Apache-2.0
#include "vfio/opened_files.hpp"

#include <algorithm>
#include <cerrno>
#include <future>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "vfio/iommufd.hpp"
#include "vfio/type1.hpp"

namespace mayfly::vfio {
namespace {

Fd open_iommufd(const HostPci& host) {
  const std::string path = host.dev("iommu");
  Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) {
    const int failure = errno;
    throw Error(failure,
                failure == ENOENT || failure == ENODEV || failure == ENXIO
                    ? "this kernel has no iommufd (" + path + "); try modprobe iommufd, or use iommu=type1"
                    : "cannot open " + path);
  }
  return file;
}

/// The address space's file alone.
OpenedFiles open_space(BackendChoice choice, const HostPci& host) {
  if (choice == BackendChoice::kIommufd) {
    return {BackendChoice::kIommufd, open_iommufd(host)};
  }
  const std::string path = host.dev("vfio/vfio");
  Fd container(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const int failure = errno;
  const bool is_native = container && !is_compatibility_container(container.get());
  if (is_native) {
    return {BackendChoice::kType1, std::move(container)};
  }
  if (choice == BackendChoice::kAuto && ::access(host.dev("iommu").c_str(), F_OK) == 0) {
    return {BackendChoice::kIommufd, open_iommufd(host)};
  }
  if (container) {
    throw Error(path + " is iommufd's compatibility layer, which maps memory too slowly; use iommu=iommufd");
  }
  throw Error(failure, "cannot open " + path + " (is the module vfio_pci loaded?)");
}

Fd duplicate(const Fd& file) {
  Fd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) {
    fail_errno("cannot duplicate a descriptor");
  }
  return copy;
}

}  // namespace

OpenedFiles duplicate(const OpenedFiles& files) {
  OpenedFiles copy{files.interface, duplicate(files.space), {}, files.ioas};
  for (const Fd& device : files.devices) {
    copy.devices.push_back(duplicate(device));
  }
  return copy;
}

OpenedFiles open_files(BackendChoice choice, const HostPci& host, std::span<const HostDevice> devices) {
  OpenedFiles files = open_space(choice, host);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (files.interface == BackendChoice::kIommufd) {
      files.devices.push_back(open_character_device(host, devices[i].address));
      continue;
    }
    // A group can be opened once only.
    const auto before = devices.first(i);
    const auto same = std::ranges::find(before, devices[i].group, &HostDevice::group);
    files.devices.push_back(same == before.end()
                                ? open_group(host, devices[i])
                                : duplicate(files.devices[static_cast<std::size_t>(same - before.begin())]));
  }
  return files;
}

HeldDevices hold_devices(BackendChoice choice, const HostPci& host, std::span<const HostDevice> devices) {
  HeldDevices held{open_files(choice, host, devices), {}};
  const bool has_groups = held.files.interface == BackendChoice::kType1;
  if (has_groups) {
    join_container(held.files, devices);
  }
  std::vector<std::future<Fd>> opening;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    opening.push_back(std::async(std::launch::async, [&, i] {
      if (has_groups) {
        return open_device(held.files.devices[i].get(), devices[i].address);
      }
      bind_device(held.files.devices[i].get(), held.files.space.get(), devices[i].address);
      return Fd();
    }));
  }
  for (std::future<Fd>& device : opening) {
    held.open.push_back(device.get());
  }
  return held;
}

}  // namespace mayfly::vfio
