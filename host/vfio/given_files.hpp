// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "vfio/opened_files.hpp"

namespace mayfly::vfio {

/// Numbers of descriptors that our caller has opened for a device.
struct GivenFiles {
  /// The container, or /dev/iommu. The same for all devices of a guest.
  int space = -1;
  /// The device's group, or its character device.
  int device = -1;
};

/// Throws Error that names a number that is no descriptor. To be called before a file is opened, which could
/// get such a number.
void require_open(BackendChoice interface, std::span<const GivenFiles> given);

/// Takes them over, close-on-exec: the numbers are closed. Throws Error.
[[nodiscard]] OpenedFiles take_files(BackendChoice interface, std::span<const GivenFiles> given);

/// What files are called in messages: "descriptor 5 (container=)", and one for each device.
struct FileNames {
  std::string space;
  std::vector<std::string> devices;
};
[[nodiscard]] FileNames names_of(BackendChoice interface, std::span<const GivenFiles> given);

/// Throws Error that names the file, unless each is what it should be: the container or /dev/iommu, and the
/// groups or character devices of just these devices. What /sys says decides, so that nothing is done to a
/// file that is something else.
void require_files(const OpenedFiles& files, const FileNames& names, const HostPci& host,
                   std::span<const HostDevice> devices);

}  // namespace mayfly::vfio
