// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_iommu.hpp"

namespace mayfly::testing {

/// What populating and mapping cost on a large host, in nanoseconds of one thread. Figures of kernel
/// developers, none of them measured by us.
struct DmaCosts {
  std::string_view name;
  /// Zeroing by fault, 2 MiB and 1 GiB pages alike: "about 250 ms for each 1 GiB page" (Li Zhe, hugetlb
  /// pre-zeroing v2, linux-mm, January 2026).
  std::uint64_t populate_ns_per_gib = 250'000'000;
  /// Of guest memory; a piece is one at least.
  std::uint64_t page_bytes = 2 * kMiB;
  /// Pin and map of populated memory.
  std::uint64_t map_ns_per_gib = 0;
  std::uint32_t parallel_mappers = 1;
  /// Entering the kernel and flushing the IOTLB, for each map whatever its size: our guess, on the high side.
  std::uint64_t map_call_ns = 5'000;
  /// What a call holds the map's lock for: above what dma_map_bench finds for the slowest of them.
  std::uint64_t locked_ns = 1'000;
};

/// type1 with 2 MiB pages: 16 GiB in 52 ms (Li Zhe, "vfio/type1: optimize vfio_pin_pages_remote()", cover
/// letter, 6.16).
inline constexpr DmaCosts kType1Hugetlb{.name = "type1-2m", .map_ns_per_gib = 52'000'000 / 16};
/// type1 with 4 KiB pages: 16 GiB in 280 ms (the same).
inline constexpr DmaCosts kType1Small{.name = "type1-4k", .map_ns_per_gib = 280'000'000 / 16};
/// iommufd with 1 GiB pages: 256 GiB in 145 ms by one thread (Aaron Lewis, RFC, kvm list, December 2025);
/// several threads at once (io_pagetable.c takes domains_rwsem for reading).
inline constexpr DmaCosts kIommufd{
    .name = "iommufd-1g", .page_bytes = kGiB, .map_ns_per_gib = 145'000'000 / 256, .parallel_mappers = 4};

/// The books of a FakeIommu, at a price.
class SimulatedIommu {
 public:
  SimulatedIommu(const DmaCosts& costs, std::uint32_t max_entries)
      : costs_(costs), books_({max_entries, costs.parallel_mappers}) {}

  /// What a map of so much takes, in nanoseconds.
  [[nodiscard]] std::uint64_t map_ns(std::uint64_t bytes) const {
    return costs_.map_call_ns + per_gib(bytes, costs_.map_ns_per_gib);
  }
  /// Its end: from now on devices reach it. Checked as FakeIommu does.
  void map(GuestRange range) {
    const auto mapped = books_.map(range.start, nullptr, range.bytes, vfio::Access::kReadWrite);
    MAYFLY_ASSERT(mapped.has_value());
  }
  [[nodiscard]] std::uint64_t populate_ns(std::uint64_t bytes) const {
    return per_gib(bytes, costs_.populate_ns_per_gib);
  }
  [[nodiscard]] const FakeIommu& books() const { return books_; }
  [[nodiscard]] const DmaCosts& costs() const { return costs_; }

 private:
  static std::uint64_t per_gib(std::uint64_t bytes, std::uint64_t ns_per_gib) {
    return bytes / kMiB * ns_per_gib / (kGiB / kMiB);
  }

  DmaCosts costs_;
  FakeIommu books_;
};

}  // namespace mayfly::testing
