// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/metrics.hpp"

namespace mayfly::gate {

/// The p-quantile of a metric is at most `limit`, in the metric's unit.
struct Limit {
  std::string metric;
  Mode mode = Mode::kWall;
  double p = 0.5;
  double limit = 0;
};

/// The median of a metric grows by at most `allowed` (0.01 is 1 %).
struct Allowance {
  std::string metric;
  Mode mode = Mode::kWall;
  double allowed = 0;
};

/// What a budget file asks for. README.md beside this has its form.
struct Budget {
  std::vector<Limit> limits;
  std::vector<Allowance> allowances;
};

/// Throws Error that names `file` and the key for what is unknown, missing, negative or no number.
[[nodiscard]] Budget parse_budget(const std::string& file, std::string_view text);

}  // namespace mayfly::gate
