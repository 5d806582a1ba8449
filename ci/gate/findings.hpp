// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ci/gate/budget.hpp"
#include "ci/gate/history.hpp"
#include "ci/gate/measurement.hpp"
#include "ci/gate/verdict.hpp"

namespace mayfly::gate {

enum class CheckKind { kLimit, kChange };

/// One line of a verdict.
struct Check {
  CheckKind kind = CheckKind::kLimit;
  std::string metric{};
  double p = 0.5;                ///< the quantile of a limit
  double limit = 0;              ///< in the metric's unit, or the change allowed (0.01 is 1 %)
  std::size_t samples = 0;       ///< boots of the measurement
  std::size_t base_samples = 0;  ///< for a change: boots of what it is compared with
  std::optional<double> base{};  ///< for a change: both medians
  double now = 0;
  Judgement judgement{};
};

/// How far the median of a metric moved.
struct Move {
  std::string metric;
  double base = 0;
  double now = 0;
  /// How far it grew at least, as good as sure; less than nothing where it may as well have shrunk. Nothing:
  /// the difference of the medians has to do.
  std::optional<double> least_growth{};
};

/// All that a report shows. Complete: renderers only put it into words.
struct Findings {
  std::string title;
  Measurement measurement;
  std::optional<Measurement> base{};    ///< where two measurements were compared
  std::vector<HistoryEntry> history{};  ///< those like the measurement, oldest first
  std::optional<Verdict> verdict{};     ///< nothing where nothing was judged
  std::vector<Check> checks{};
  std::vector<Move> moves{};              ///< against base or the latest of the history, the largest first
  std::vector<Difference> differences{};  ///< of the fingerprints of those
  std::vector<std::string> causes{};  ///< sentences: where it was lost and what changed, the likeliest first
  std::optional<std::uint64_t> runs_needed{};  ///< when there is not enough evidence
};

/// A check's name, such as "exec_to_ready p95".
[[nodiscard]] std::string name_of(const Check& check);
/// What it says, without a final stop, such as "44.1 Minsn is above 43.8 Minsn (5 boots, ...)".
[[nodiscard]] std::string sentence_of(const Check& check, Mode mode);
/// A metric without its kind where it has one of its own: "exec_to_ready", "exits.total".
[[nodiscard]] std::string short_name(const std::string& metric);
/// A figure with its unit.
[[nodiscard]] std::string amount(double value, const std::string& unit);
/// A relative change with its sign, such as "+0.52 %".
[[nodiscard]] std::string percent(double change);

}  // namespace mayfly::gate
