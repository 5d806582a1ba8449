// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "memory/guest_address.hpp"

namespace mayfly::vfio {

/// What devices may do with mapped memory.
enum class Access : std::uint8_t { kReadWrite, kReadOnly };

/// The host refused to map or unmap: errno of the system call.
struct IommuFault {
  int errno_value = 0;
};

/// The I/O address space that all passed-through devices of one guest share: what is mapped here they reach,
/// and nothing else. A device address is a guest physical address.
///
/// It keeps no books: whoever maps maps nothing twice and unmaps exactly what was one map. Thread-safe; more
/// than parallel_mappers() calls at once only wait for each other.
class Iommu {
 public:
  Iommu() = default;
  Iommu(const Iommu&) = delete;
  Iommu& operator=(const Iommu&) = delete;
  /// All that is still mapped is unmapped by the kernel.
  virtual ~Iommu() = default;

  /// Pins [host, host + bytes) and maps it at `at`; one entry. Takes time in proportion to `bytes`. Addresses
  /// and size are multiples of the host's page size. ENOMEM: RLIMIT_MEMLOCK, or no memory.
  [[nodiscard]] virtual Result<void, IommuFault> map(GuestAddress at, std::byte* host, std::uint64_t bytes,
                                                     Access access) noexcept = 0;
  /// Undoes one map(); `range` is exactly what that was given.
  [[nodiscard]] virtual Result<void, IommuFault> unmap(GuestRange range) noexcept = 0;

  /// Maps that can exist at the same time (type1: `dma_entry_limit`).
  [[nodiscard]] virtual std::uint32_t max_entries() const noexcept = 0;
  /// Calls of map() that the host really runs at once: 1 for type1, several for iommufd.
  [[nodiscard]] virtual std::uint32_t parallel_mappers() const noexcept = 0;
  /// "type1" or "iommufd", for messages.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
};

}  // namespace mayfly::vfio
