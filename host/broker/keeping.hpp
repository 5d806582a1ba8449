// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/fd.hpp"
#include "memory/lendable.hpp"
#include "memory/populate.hpp"
#include "vfio/backend.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

/// Devices that are leased together, since they share an address space, and the guest's memory with them.
struct LotSpec {
  std::vector<vfio::PciAddress> addresses{};
  /// Nothing: the guest's memory is its VMM's affair.
  std::optional<MemoryKind> memory{};
};

/// What is kept for the next tenant of a lot.
struct Kept {
  vfio::HeldDevices devices{};
  /// All of it populated, and mapped for the devices where a guest has its RAM.
  Fd memory{};
};

/// Opens and resets devices, then fills memory for them, on this thread alone, and maps it: a second for each
/// few GiB, which ends soon when `stop` says so. Throws Error.
[[nodiscard]] Kept keep(vfio::BackendChoice choice, const vfio::HostPci& host,
                        std::span<const vfio::HostDevice> devices, const std::optional<MemoryKind>& memory,
                        const std::stop_token& stop);

/// Populates memory, of pages of `page_bytes`. Throws Error.
void fill(std::span<std::byte> memory, std::uint64_t page_bytes, Populate& populate,
          const std::stop_token& stop);

/// Maps a guest's memory where Layout has its RAM. Throws Error.
void map_for_guest(vfio::Iommu& iommu, std::span<std::byte> memory, const std::stop_token& stop);

}  // namespace mayfly::broker
