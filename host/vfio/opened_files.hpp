// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "vfio/host_pci.hpp"

namespace mayfly::vfio {

/// Which of the kernel's two interfaces is used.
enum class BackendChoice : std::uint8_t {
  kAuto,     ///< type1 where the kernel has it, else iommufd
  kType1,    ///< groups and a container
  kIommufd,  ///< /dev/iommu and one character device for each function
};

/// The files through which some devices are used. Who has them maps memory for the devices, so they can be
/// opened by one process and given to another.
struct OpenedFiles {
  /// Never kAuto.
  BackendChoice interface = BackendChoice::kType1;
  /// The container, or /dev/iommu.
  Fd space{};
  /// One for each device, in order: its group (several files, where devices share one), or its character
  /// device.
  std::vector<Fd> devices{};
  /// iommufd: the address space that the devices are in already; 0: none.
  std::uint32_t ioas = 0;
};

/// The same files, by descriptors of their own. Throws Error.
[[nodiscard]] OpenedFiles duplicate(const OpenedFiles& files);

/// Opens them, for devices that all passed require_assignable(); resets nothing. Throws Error when the kernel
/// lacks what was chosen, or someone else has a device (EBUSY).
[[nodiscard]] OpenedFiles open_files(BackendChoice choice, const HostPci& host,
                                     std::span<const HostDevice> devices);

/// Devices that are open and reset, and kept so for somebody else: who opens one through `files` does not
/// reset it again.
struct HeldDevices {
  OpenedFiles files{};
  /// type1: each device's own file. Closed before `files`.
  std::vector<Fd> open{};
};

/// Opens devices as open_files() does, and resets them, all at once: that takes up to a second. Throws Error.
[[nodiscard]] HeldDevices hold_devices(BackendChoice choice, const HostPci& host,
                                       std::span<const HostDevice> devices);

}  // namespace mayfly::vfio
