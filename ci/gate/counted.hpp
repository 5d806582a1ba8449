// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ci/gate/measure.hpp"

namespace mayfly::gate {

/// How to count in the lab.
struct CountedPlan {
  BootPlan boots;
  std::uint64_t runs = 1;  ///< starts of the lab; --boots in each
  std::uint64_t hugepages_2m = 0;
  std::string lab;  ///< ci/lab/counted of a checkout
};

/// What came out of the lab.
struct Counted {
  std::vector<std::vector<Sample>> samples;  ///< of each variant
  std::map<std::string, std::string> host;   ///< the emulated host's facts
};

/// The lab that belongs to this program: MAYFLY_GATE_LAB, or ci/lab/counted of the checkout that it was built
/// in.
[[nodiscard]] std::string default_lab();

/// Boots all variants in the lab, where an instruction is a nanosecond. Throws Error when the lab fails.
[[nodiscard]] Counted measure_counted(const CountedPlan& plan);

}  // namespace mayfly::gate
