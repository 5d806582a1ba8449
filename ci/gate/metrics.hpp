// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/sample.hpp"

namespace mayfly::gate {

enum class Mode {
  kWall,     ///< CLOCK_MONOTONIC, shown as milliseconds
  kCounted,  ///< instructions, counted in the lab, shown as millions (Minsn)
};

[[nodiscard]] std::string_view name(Mode mode) noexcept;

/// One figure of each boot, in the order of the boots, by name: `span.NAME` and `phase.NAME` in milliseconds
/// or Minsn, `exits.total` and `exits.REASON`, exits to the VMM until ready, `kvm.exits`, those of all kinds,
/// and `kvm.COUNTER`, of the whole run, as counts, `memory.resident` and `memory.guest` in MiB.
using Metrics = std::map<std::string, std::vector<double>>;

/// The figures that all samples have: one that a boot lacks (a span whose end never came) is left out. A
/// reason for exits that a boot does not tell counts as 0.
[[nodiscard]] Metrics metrics_of(const std::vector<Sample>& samples);

/// The unit of a metric, empty for counts.
[[nodiscard]] std::string unit_of(const std::string& metric, Mode mode);

}  // namespace mayfly::gate
