// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "vfio/device_access.hpp"
#include "vfio/host_pci.hpp"
#include "vfio/iommu.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::vfio {

/// An I/O address space and the devices in it, by one of the kernel's interfaces.
class Backend : public Iommu {
 public:
  /// Opens one of the devices that the backend was made for, once. That resets it, unless it is open already,
  /// and then takes up to a second. Any thread, several at once. Throws Error.
  [[nodiscard]] virtual std::unique_ptr<DeviceAccess> open(const HostDevice& device) = 0;
  /// When memory is to be mapped: beside the opening of devices, whose resets take time but no processor, or
  /// after it.
  enum class MapTime : std::uint8_t { kBesideOpening, kAfterOpening };
  [[nodiscard]] virtual MapTime map_time() const noexcept = 0;
  /// Whether map() takes a device's BARs, for the other devices to reach.
  enum class MapsBars : std::uint8_t { kNo, kYes };
  [[nodiscard]] virtual MapsBars maps_bars() const noexcept = 0;
  /// As in OpenedFiles, for another process that is to use this address space.
  [[nodiscard]] virtual std::uint32_t ioas() const noexcept = 0;
};

/// The address space of the devices whose files these are, in that order: an empty one, or the one that they
/// are in already. A device that is open already is not reset again. Throws Error when the kernel lacks what
/// it takes.
[[nodiscard]] std::unique_ptr<Backend> make_backend(OpenedFiles files, std::span<const HostDevice> devices);

}  // namespace mayfly::vfio
