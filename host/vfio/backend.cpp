// SPDX-License-Identifier: Apache-2.0
#include "vfio/backend.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "vfio/iommufd.hpp"
#include "vfio/type1.hpp"

namespace mayfly::vfio {
namespace {

std::unique_ptr<Backend> make_iommufd(const HostPci& host) {
  const std::string path = host.dev("iommu");
  Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) {
    const int failure = errno;
    throw Error(failure,
                failure == ENOENT || failure == ENODEV || failure == ENXIO
                    ? "this kernel has no iommufd (" + path + "); try modprobe iommufd, or use iommu=type1"
                    : "cannot open " + path);
  }
  return std::make_unique<Iommufd>(std::move(file), host);
}

}  // namespace

std::unique_ptr<Backend> make_backend(BackendChoice choice, const HostPci& host,
                                      std::span<const HostDevice> devices) {
  if (choice == BackendChoice::kIommufd) {
    return make_iommufd(host);
  }
  const std::string path = host.dev("vfio/vfio");
  Fd container(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const int failure = errno;
  const bool is_native = container && !is_compatibility_container(container.get());
  if (is_native) {
    return std::make_unique<Type1>(std::move(container), host, devices);
  }
  if (choice == BackendChoice::kAuto && ::access(host.dev("iommu").c_str(), F_OK) == 0) {
    return make_iommufd(host);
  }
  if (container) {
    throw Error(path + " is iommufd's compatibility layer, which maps memory too slowly; use iommu=iommufd");
  }
  throw Error(failure, "cannot open " + path + " (is the module vfio_pci loaded?)");
}

}  // namespace mayfly::vfio
