// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/statistics.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace mayfly::gate {
namespace {

constexpr std::size_t kResamples = 4000;
constexpr std::uint64_t kSeed = 0x6d6179666c79;
constexpr double kSmallestBase = 1e-6;
constexpr double kLargestChange = 1e4;

// Whole numbers below a bound. std::uniform_int_distribution may differ between libraries; this does not. Its
// bias is below 2^-50 for any number of samples that there can be.
class Draws {
 public:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(generator_() % bound); }

 private:
  // NOLINTNEXTLINE(cert-msc32-c,cert-msc51-cpp): repeatable is what is wanted
  std::mt19937_64 generator_{kSeed};
};

double change(double base, double now) {
  if (base == now) {
    return 0;
  }
  return std::min((now - base) / std::max(base, kSmallestBase), kLargestChange);
}

// Sorts in place: for the resampling loops, which own their buffer.
double quantile_in_place(std::vector<double>& values, double p) {
  MAYFLY_ASSERT(!values.empty());
  const double at = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), middle, values.end());
  const double low = *middle;
  const double part = at - static_cast<double>(below);
  if (part == 0) {
    return low;
  }
  return low + part * (*std::min_element(std::next(middle), values.end()) - low);
}

void draw(std::span<const double> values, Draws& draws, std::vector<double>& into) {
  into.resize(values.size());
  for (double& value : into) {
    value = values[draws.below(values.size())];
  }
}

double log_choose(std::uint64_t n, std::uint64_t k) {
  const auto log_factorial = [](std::uint64_t i) { return std::lgamma(static_cast<double>(i) + 1); };
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

double binomial(std::uint64_t k, std::uint64_t n, double q) {
  return std::exp(log_choose(n, k) + static_cast<double>(k) * std::log(q) +
                  static_cast<double>(n - k) * std::log1p(-q));
}

}  // namespace

double quantile(std::vector<double> values, double p) { return quantile_in_place(values, p); }

double binomial_at_most(std::uint64_t k, std::uint64_t n, double q) {
  double sum = 0;
  for (std::uint64_t i = 0; i <= std::min(k, n); ++i) {
    sum += binomial(i, n, q);
  }
  return std::min(sum, 1.0);
}

double binomial_at_least(std::uint64_t k, std::uint64_t n, double q) {
  return k == 0 ? 1.0 : binomial_at_most(n - std::min(k, n), n, 1 - q) * (k <= n ? 1 : 0);
}

std::vector<double> changes_by_turn(std::span<const double> base, std::span<const double> now) {
  MAYFLY_ASSERT(base.size() == now.size());
  std::vector<double> changes(base.size());
  std::transform(base.begin(), base.end(), now.begin(), changes.begin(), change);
  return changes;
}

double relative_change(std::span<const double> base, std::span<const double> now, Pairing pairing) {
  if (pairing == Pairing::kTurns) {
    return median(changes_by_turn(base, now));
  }
  return change(median({base.begin(), base.end()}), median({now.begin(), now.end()}));
}

std::vector<double> bootstrap_changes(std::span<const double> base, std::span<const double> now,
                                      Pairing pairing) {
  if (pairing == Pairing::kTurns) {
    return bootstrap_quantiles(changes_by_turn(base, now), 0.5);
  }
  Draws draws;
  std::vector<double> one;
  std::vector<double> other;
  std::vector<double> results(kResamples);
  for (double& result : results) {
    draw(base, draws, one);
    draw(now, draws, other);
    result = change(quantile_in_place(one, 0.5), quantile_in_place(other, 0.5));
  }
  std::sort(results.begin(), results.end());
  return results;
}

std::vector<double> bootstrap_quantiles(std::span<const double> values, double p) {
  Draws draws;
  std::vector<double> drawn;
  std::vector<double> results(kResamples);
  for (double& result : results) {
    draw(values, draws, drawn);
    result = quantile_in_place(drawn, p);
  }
  std::sort(results.begin(), results.end());
  return results;
}

}  // namespace mayfly::gate
