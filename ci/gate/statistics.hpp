// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace mayfly::gate {

/// The p-quantile, 0 <= p <= 1, between neighbours by linear interpolation. `values` is not empty.
[[nodiscard]] double quantile(std::vector<double> values, double p);

[[nodiscard]] inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

/// P(X <= k) of X successes in n trials of probability q each.
[[nodiscard]] double binomial_at_most(std::uint64_t k, std::uint64_t n, double q);
/// P(X >= k).
[[nodiscard]] double binomial_at_least(std::uint64_t k, std::uint64_t n, double q);

/// How samples of two variants belong together.
enum class Pairing {
  kTurns,  ///< sample N of one was taken beside sample N of the other
  kApart,  ///< they have nothing to do with each other
};

/// The relative change from base to now: 0.01 is 1 % more. By turns, the median of the changes of each turn,
/// so that what both feel alike does not count; else the change of the median. A base of 0 counts as 1e-6.
[[nodiscard]] double relative_change(std::span<const double> base, std::span<const double> now,
                                     Pairing pairing);

/// The relative change of each turn.
[[nodiscard]] std::vector<double> changes_by_turn(std::span<const double> base, std::span<const double> now);

/// relative_change() of samples drawn anew with replacement, as a percentile bootstrap has it, sorted. The
/// same input gives the same output on every machine.
[[nodiscard]] std::vector<double> bootstrap_changes(std::span<const double> base, std::span<const double> now,
                                                    Pairing pairing);

/// Bootstrap of a quantile of one sample, sorted.
[[nodiscard]] std::vector<double> bootstrap_quantiles(std::span<const double> values, double p);

}  // namespace mayfly::gate
