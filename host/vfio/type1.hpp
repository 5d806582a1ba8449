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
  /// Takes the container's file over, and the groups of `devices`. Throws Error.
  Type1(Fd container, const HostPci& host, std::span<const HostDevice> devices);

  [[nodiscard]] Result<void, IommuFault> map(GuestAddress at, std::byte* memory, std::uint64_t bytes,
                                             Access access) noexcept override;
  [[nodiscard]] Result<void, IommuFault> unmap(GuestRange range) noexcept override;
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return max_entries_; }
  /// The kernel holds a lock of the container while it pins and maps.
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name() const noexcept override { return "type1"; }
  [[nodiscard]] std::unique_ptr<DeviceAccess> open(const HostDevice& device) override;
  [[nodiscard]] MapTime map_time() const noexcept override { return MapTime::kBesideOpening; }

 private:
  Fd container_;
  std::map<std::uint32_t, Fd> groups_;
  std::uint32_t max_entries_;
};

}  // namespace mayfly::vfio
