// SPDX-License-Identifier: Apache-2.0
#include "vfio/dma_failure.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "base/checked.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::vfio {
namespace {

std::string mend(const DmaFailure& failure, std::string_view iommu, std::uint64_t ram_bytes) {
  if (failure.step == DmaFailure::Step::kPopulate) {
    return "free memory or huge pages on the host, or use less --memory";
  }
  switch (failure.errno_value) {
    case ENOMEM:
    case EPERM:
      // iommufd counts by user (drivers/iommu/iommufd/pages.c, incr_user_locked_vm), type1 by process.
      return "the limit is RLIMIT_MEMLOCK" +
             std::string(iommu == "iommufd" ? ", for all guests of this user together" : "") +
             ", or the host has no memory left: " + memlock_advice(ram_bytes);
    case ENOSPC:
      return "the IOMMU has no entry left; raise dma_entry_limit of the module vfio_iommu_type1";
    case EINVAL:
      return "the IOMMU does not offer these addresses; look at reserved_regions of the device's iommu_group";
    default:
      return "see the host's kernel log";
  }
}

}  // namespace

std::string describe(const DmaFailure& failure, std::string_view iommu, std::uint64_t ram_bytes) {
  char where[64];
  std::snprintf(where, sizeof where, "%" PRIu64 " MiB of guest memory at 0x%" PRIx64,
                failure.range.bytes / kMiB, failure.range.start.raw());
  const bool is_map = failure.step == DmaFailure::Step::kMap;
  return std::string(is_map ? "cannot map " : "cannot populate ") + where +
         (is_map ? " for passthrough devices (" + std::string(iommu) + "): " : ": ") +
         std::strerror(failure.errno_value) + "; " + mend(failure, iommu, ram_bytes);
}

}  // namespace mayfly::vfio
