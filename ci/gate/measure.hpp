// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ci/gate/fingerprint.hpp"
#include "ci/gate/sample.hpp"

namespace mayfly::gate {

/// How to boot.
struct BootPlan {
  std::vector<Variant> variants;  ///< they take turns
  std::uint64_t boots = 20;       ///< of each variant
  std::uint64_t warm_up = 1;      ///< boots of each before, not counted
  std::uint64_t timeout_ns = 0;   ///< for each boot
};

/// Boots all variants, on this machine, in the order A B C, C B A, A B C, … Gives the samples of each.
/// Throws Error for a boot that fails or is none to compute with: which one, why, and the last lines of its
/// console and output.
[[nodiscard]] std::vector<std::vector<Sample>> measure_boots(const BootPlan& plan);

}  // namespace mayfly::gate
