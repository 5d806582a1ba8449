// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "vfio/backend.hpp"

namespace mayfly::vfio {

/// /dev/iommu and one character device for each function (Linux 6.6 on). Devices are attached as they open.
/// Source: Documentation/userspace-api/iommufd.rst, drivers/vfio/device_cdev.c.
///
/// BEWARE: before a device is attached a map pins nothing, and the first attach then fills in all that was
/// mapped: open devices first.
class Iommufd final : public Backend {
 public:
  /// ioctl(2), or a test's.
  using Ioctl = int (*)(int file, unsigned long request, void* argument) noexcept;

  /// Takes the file of /dev/iommu over. Throws Error.
  Iommufd(Fd file, const HostPci& host, Ioctl ioctl = system_ioctl);

  [[nodiscard]] Result<void, IommuFault> map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                             Access access) noexcept override;
  [[nodiscard]] Result<void, IommuFault> unmap(GuestRange range) noexcept override;
  /// Bounded by memory alone.
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return ~0U; }
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return kMappers; }
  [[nodiscard]] std::string_view name() const noexcept override { return "iommufd"; }
  [[nodiscard]] std::unique_ptr<DeviceAccess> open(const HostDevice& device) override;
  [[nodiscard]] MapTime map_time() const noexcept override { return MapTime::kAfterOpening; }

 private:
  static constexpr std::uint32_t kMappers = 8;
  [[nodiscard]] static int system_ioctl(int file, unsigned long request, void* argument) noexcept;

  HostPci host_;
  Ioctl ioctl_;
  Fd file_;
  std::uint32_t ioas_ = 0;
};

/// The character device of a function, "/dev/vfio/devices/vfio3"; empty when the kernel offers none.
[[nodiscard]] std::string character_device(const HostPci& host, const PciAddress& address);

/// True when `container` is /dev/vfio/vfio as iommufd serves it for compatibility, which maps more than ten
/// times slower than either interface does by itself.
[[nodiscard]] bool is_compatibility_container(int container) noexcept;

}  // namespace mayfly::vfio
