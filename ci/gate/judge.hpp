// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ci/gate/findings.hpp"

namespace mayfly::gate {

/// A measurement against a budget: its limits and, where a history is given, its allowances against the
/// latest entry that is like it. Throws Error when the budget names a metric that the measurement has not, or
/// limits nothing of its mode, or allows changes and the history has nothing to compare with.
[[nodiscard]] Findings check_budget(const std::string& budget_file, const Budget& budget,
                                    Measurement measurement,
                                    const std::optional<std::vector<HistoryEntry>>& history);

/// Two measurements: each allowance of their mode. Throws Error when they are unlike (but for the keys
/// `accepted`), or have not the metrics.
[[nodiscard]] Findings compare(Measurement base, Measurement now, const std::vector<Allowance>& allowances,
                               const std::set<std::string>& accepted);

/// What compare() allows when nothing is said: the span from exec to ready, 0.3 % counted, 5 % in wall mode.
[[nodiscard]] std::vector<Allowance> default_allowances(Mode mode);

}  // namespace mayfly::gate
