// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <sys/ioctl.h>

namespace mayfly::vfio {

// The part of <linux/iommufd.h> (Linux 6.2) and of <linux/vfio.h> (Linux 6.6) that we use: the headers of the
// oldest system that we are built on lack them.

/// IOMMU_IOAS_ALLOC: a new I/O address space.
struct IoasAlloc {
  std::uint32_t size = sizeof(IoasAlloc);
  std::uint32_t flags = 0;
  std::uint32_t id = 0;  ///< out
};
static_assert(sizeof(IoasAlloc) == 12);

/// IOMMU_IOAS_MAP.
struct IoasMap {
  static constexpr std::uint32_t kFixed = 1U << 0U;
  static constexpr std::uint32_t kWriteable = 1U << 1U;
  static constexpr std::uint32_t kReadable = 1U << 2U;
  std::uint32_t size = sizeof(IoasMap);
  std::uint32_t flags = 0;
  std::uint32_t ioas = 0;
  std::uint32_t reserved = 0;
  std::uint64_t memory = 0;
  std::uint64_t length = 0;
  std::uint64_t at = 0;
};
static_assert(sizeof(IoasMap) == 40);

/// IOMMU_IOAS_UNMAP.
struct IoasUnmap {
  std::uint32_t size = sizeof(IoasUnmap);
  std::uint32_t ioas = 0;
  std::uint64_t at = 0;
  std::uint64_t length = 0;
};
static_assert(sizeof(IoasUnmap) == 24);

/// VFIO_DEVICE_BIND_IOMMUFD.
struct BindIommufd {
  std::uint32_t size = sizeof(BindIommufd);
  std::uint32_t flags = 0;
  std::int32_t iommufd = -1;
  std::uint32_t device = 0;  ///< out
};
static_assert(sizeof(BindIommufd) == 16);

/// VFIO_DEVICE_ATTACH_IOMMUFD_PT.
struct AttachIommufd {
  std::uint32_t size = sizeof(AttachIommufd);
  std::uint32_t flags = 0;
  std::uint32_t ioas = 0;
};
static_assert(sizeof(AttachIommufd) == 12);

inline constexpr unsigned long kIoasAlloc = _IO(';', 0x81);
inline constexpr unsigned long kIoasMap = _IO(';', 0x85);
inline constexpr unsigned long kIoasUnmap = _IO(';', 0x86);
inline constexpr unsigned long kBindIommufd = _IO(';', 118);
inline constexpr unsigned long kAttachIommufd = _IO(';', 119);

}  // namespace mayfly::vfio
