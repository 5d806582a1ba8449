// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "vfio/device_access.hpp"
#include "vfio/host_pci.hpp"
#include "vfio/iommu.hpp"

namespace mayfly::vfio {

/// Which of the kernel's two interfaces is used.
enum class BackendChoice : std::uint8_t {
  kAuto,     ///< type1 where the kernel has it, else iommufd
  kType1,    ///< groups and a container
  kIommufd,  ///< /dev/iommu and one character device for each function
};

/// An I/O address space and the devices in it, by one of the kernel's interfaces.
class Backend : public Iommu {
 public:
  /// Opens one of the devices that the backend was made for, which resets it: that takes up to a second. Any
  /// thread, several at once. Throws Error.
  [[nodiscard]] virtual std::unique_ptr<DeviceAccess> open(const HostDevice& device) = 0;
  /// When memory is to be mapped: beside the opening of devices, whose resets take time but no processor, or
  /// after it.
  enum class MapTime : std::uint8_t { kBesideOpening, kAfterOpening };
  [[nodiscard]] virtual MapTime map_time() const noexcept = 0;
};

/// An empty address space for `devices`, all checked by require_assignable(). Throws Error when the kernel
/// lacks what was chosen, or someone else has a device.
[[nodiscard]] std::unique_ptr<Backend> make_backend(BackendChoice choice, const HostPci& host,
                                                    std::span<const HostDevice> devices);

}  // namespace mayfly::vfio
