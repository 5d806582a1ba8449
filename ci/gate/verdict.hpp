// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ci/gate/metrics.hpp"
#include "ci/gate/statistics.hpp"

namespace mayfly::gate {

enum class Verdict { kPass, kFail, kNotEnoughEvidence };

/// "pass", "fail", "not enough evidence".
[[nodiscard]] std::string_view name(Verdict verdict) noexcept;

/// How sure a verdict must be.
struct Levels {
  double pass = 0.05;  ///< chance that a pass is wrong, at most, for each check
  double fail = 0.05;  ///< chance that a fail is wrong, at most, for each check
  /// Changes below this are not told apart (a fraction): it is added to both sides of an interval.
  double resolution = 0;
};

/// The levels for `checks` checks of one measurement. In wall mode the chance of 1 % that any fail is wrong
/// is shared among them. Counted boots repeat but for rare outliers: there both levels are 10 %, which lets
/// seven boots have one.
[[nodiscard]] Levels levels_for(Mode mode, std::size_t checks);

/// One comparison with a limit, decided.
struct Judgement {
  Verdict verdict = Verdict::kNotEnoughEvidence;
  double value = 0;  ///< the quantile or the relative change
  double low = 0;    ///< its bootstrap interval
  double high = 0;
  /// With as many runs as this a verdict is to be expected; nothing where there is one, and where the value
  /// lies so near the limit that no sensible number of runs decides.
  std::optional<std::uint64_t> runs_needed{};
};

/// Is the p-quantile of what the values are drawn from at most `limit`? By the exact binomial test on how
/// many lie above it, which holds for any distribution; so p99 takes 299 runs to pass, and none above the
/// limit.
[[nodiscard]] Judgement judge_limit(std::span<const double> values, double p, double limit,
                                    const Levels& levels);

/// Is the relative change at most `allowed` (0.01 is 1 %)? The interval wholly below: pass; wholly above:
/// fail.
[[nodiscard]] Judgement judge_change(std::span<const double> base, std::span<const double> now,
                                     Pairing pairing, double allowed, const Levels& levels);

}  // namespace mayfly::gate
