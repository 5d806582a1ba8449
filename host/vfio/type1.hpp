// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>

#include "base/fd.hpp"
#include "vfio/backend.hpp"

namespace mayfly::vfio {

/// Groups in a container of type1 v2: every kernel with VFIO has it. Memory can be mapped before the first
/// device is open, and while devices reset. Source: linux/vfio.h, drivers/vfio/vfio_iommu_type1.c.
class Type1 final : public Backend {
 public:
  /// Takes over the files of a container and of the groups of `devices`, which need not be in it yet. Throws
  /// Error.
  Type1(OpenedFiles files, std::span<const HostDevice> devices);

  [[nodiscard]] Result<void, IommuFault> map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                             Access access) noexcept override;
  [[nodiscard]] Result<void, IommuFault> unmap(GuestRange range) noexcept override;
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return max_entries_; }
  /// The kernel holds a lock of the container while it pins and maps.
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name() const noexcept override { return "type1"; }
  [[nodiscard]] std::unique_ptr<DeviceAccess> open(const HostDevice& device) override;
  [[nodiscard]] MapTime map_time() const noexcept override { return MapTime::kBesideOpening; }
  [[nodiscard]] MapsBars maps_bars() const noexcept override { return MapsBars::kYes; }
  /// The container's file is the address space.
  [[nodiscard]] std::uint32_t ioas() const noexcept override { return 0; }

 private:
  Fd container_;
  std::map<std::uint32_t, Fd> groups_;
  std::uint32_t max_entries_;
};

/// The file of a device's group. Throws Error: EBUSY when someone has it open.
[[nodiscard]] Fd open_group(const HostPci& host, const HostDevice& device);

/// Puts the groups of `devices` into the container, those that are in none, and gives it the IOMMU, unless it
/// has it. Throws Error.
void join_container(const OpenedFiles& files, std::span<const HostDevice> devices);

/// A file of a device in a group. The first file of a device resets it, others do not. Throws Error.
[[nodiscard]] Fd open_device(int group, const PciAddress& address);

}  // namespace mayfly::vfio
