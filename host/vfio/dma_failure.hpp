// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "memory/guest_address.hpp"

namespace mayfly::vfio {

/// The host refused to populate or to map guest memory.
struct DmaFailure {
  enum class Step : std::uint8_t { kPopulate, kMap };
  Step step{};
  int errno_value = 0;
  GuestRange range;
};

/// Cause and mend, for the user. `iommu` as Iommu::name(), `ram_bytes` of the whole guest.
[[nodiscard]] std::string describe(const DmaFailure& failure, std::string_view iommu,
                                   std::uint64_t ram_bytes);

}  // namespace mayfly::vfio
