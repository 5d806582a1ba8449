// SPDX-License-Identifier: Apache-2.0
#include "vfio/backend.hpp"

#include <utility>

#include "vfio/iommufd.hpp"
#include "vfio/type1.hpp"

namespace mayfly::vfio {

std::unique_ptr<Backend> make_backend(OpenedFiles files, std::span<const HostDevice> devices) {
  if (files.interface == BackendChoice::kIommufd) {
    return std::make_unique<Iommufd>(std::move(files), devices);
  }
  return std::make_unique<Type1>(std::move(files), devices);
}

}  // namespace mayfly::vfio
