// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/fd.hpp"
#include "vfio/backend.hpp"

namespace mayfly::vfio {

/// ioctl(2), or a test's.
using Ioctl = int (*)(int file, unsigned long request, void* argument) noexcept;
[[nodiscard]] int system_ioctl(int file, unsigned long request, void* argument) noexcept;

/// /dev/iommu and one character device for each function (Linux 6.6 on). Devices are attached as they open.
/// Source: Documentation/userspace-api/iommufd.rst, drivers/vfio/device_cdev.c.
///
/// BEWARE: before a device is attached a map pins nothing, and the first attach then fills in all that was
/// mapped: open devices first.
class Iommufd final : public Backend {
 public:
  /// Takes over the file of /dev/iommu and the character devices of `devices`, which may be bound to it
  /// already. Throws Error.
  Iommufd(OpenedFiles files, std::span<const HostDevice> devices, Ioctl ioctl = system_ioctl);

  [[nodiscard]] Result<void, IommuFault> map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                             Access access) noexcept override;
  [[nodiscard]] Result<void, IommuFault> unmap(GuestRange range) noexcept override;
  /// Bounded by memory alone.
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return ~0U; }
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return kMappers; }
  [[nodiscard]] std::string_view name() const noexcept override { return "iommufd"; }
  [[nodiscard]] std::unique_ptr<DeviceAccess> open(const HostDevice& device) override;
  [[nodiscard]] MapTime map_time() const noexcept override { return MapTime::kAfterOpening; }
  /// It pins what it maps, which a BAR's pages are not there for (pages.c, pin_user_pages).
  [[nodiscard]] MapsBars maps_bars() const noexcept override { return MapsBars::kNo; }
  [[nodiscard]] std::uint32_t ioas() const noexcept override { return ioas_; }

 private:
  static constexpr std::uint32_t kMappers = 8;

  Ioctl ioctl_;
  Fd file_;
  /// Each until it is open.
  std::map<PciAddress, Fd> devices_;
  std::uint32_t ioas_;
  /// The devices are in the address space already.
  bool attached_;
};

/// The character device of a function, "/dev/vfio/devices/vfio3"; empty when the kernel offers none.
[[nodiscard]] std::string character_device(const HostPci& host, const PciAddress& address);

/// Its file. Throws Error.
[[nodiscard]] Fd open_character_device(const HostPci& host, const PciAddress& address);

/// Opens and resets a device for an iommufd, by its character device. Throws Error, also where that was done.
void bind_device(int file, int iommufd, const PciAddress& address, Ioctl ioctl = system_ioctl);

/// True when `container` is /dev/vfio/vfio as iommufd serves it for compatibility, which maps more than ten
/// times slower than either interface does by itself.
[[nodiscard]] bool is_compatibility_container(int container) noexcept;

}  // namespace mayfly::vfio
