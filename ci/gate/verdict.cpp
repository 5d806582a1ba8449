// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/verdict.hpp"

#include <algorithm>
#include <cmath>

namespace mayfly::gate {
namespace {

// What two variants of one program may differ in counted mode by where the loader and L1's allocator put
// them.
constexpr double kCountedResolution = 0.0005;
// Of seven boots one may be an outlier, such as one that a timer of L1 struck.
constexpr double kCountedLevel = 0.1;
constexpr std::uint64_t kRunsMax = 100'000;

// How many runs, of which the same share lies above the limit, make `decided` true.
template <typename Decided>
std::optional<std::uint64_t> runs_until(std::uint64_t above, std::uint64_t runs, const Decided& decided) {
  const double share = static_cast<double>(above) / static_cast<double>(runs);
  const auto decides = [&](std::uint64_t n) {
    return decided(static_cast<std::uint64_t>(std::floor(share * static_cast<double>(n) + 1e-9)), n);
  };
  std::uint64_t high = runs + 1;
  while (!decides(high)) {
    high += std::max<std::uint64_t>(1, high / 2);
    if (high > kRunsMax) {
      return std::nullopt;
    }
  }
  // Not monotonic in every step, but what is found decides.
  for (std::uint64_t low = runs; high - low > 1;) {
    const std::uint64_t middle = low + (high - low) / 2;
    (decides(middle) ? high : low) = middle;
  }
  return high;
}

// The interval's width shrinks by the root of the runs.
std::optional<std::uint64_t> runs_to_separate(const Judgement& judgement, double allowed, std::size_t runs) {
  const double margin = std::abs(judgement.value - allowed);
  const double half = std::max(judgement.high - judgement.value, judgement.value - judgement.low);
  const double factor = margin > 0 ? half / margin : HUGE_VAL;
  const double estimate = std::ceil(static_cast<double>(runs) * factor * factor);
  if (!(estimate <= static_cast<double>(kRunsMax))) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(estimate);
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kNotEnoughEvidence:
      break;
  }
  return "not enough evidence";
}

Levels levels_for(Mode mode, std::size_t checks) {
  if (mode == Mode::kCounted) {
    return {.pass = kCountedLevel, .fail = kCountedLevel, .resolution = kCountedResolution};
  }
  return {.fail = 0.01 / static_cast<double>(std::max<std::size_t>(checks, 1))};
}

Judgement judge_limit(std::span<const double> values, double p, double limit, const Levels& levels) {
  const auto above =
      static_cast<std::uint64_t>(std::ranges::count_if(values, [&](double v) { return v > limit; }));
  const std::uint64_t runs = values.size();
  const auto passes = [&](std::uint64_t k, std::uint64_t n) {
    return binomial_at_most(k, n, 1 - p) <= levels.pass;
  };
  const auto fails = [&](std::uint64_t k, std::uint64_t n) {
    return binomial_at_least(k, n, 1 - p) <= levels.fail;
  };
  const std::vector<double> drawn = bootstrap_quantiles(values, p);
  Judgement judgement{.value = quantile({values.begin(), values.end()}, p),
                      .low = quantile(drawn, levels.fail),
                      .high = quantile(drawn, 1 - levels.pass)};
  if (passes(above, runs)) {
    judgement.verdict = Verdict::kPass;
  } else if (fails(above, runs)) {
    judgement.verdict = Verdict::kFail;
  } else {
    judgement.runs_needed = static_cast<double>(above) < (1 - p) * static_cast<double>(runs)
                                ? runs_until(above, runs, passes)
                                : runs_until(above, runs, fails);
  }
  return judgement;
}

Judgement judge_change(std::span<const double> base, std::span<const double> now, Pairing pairing,
                       double allowed, const Levels& levels) {
  const std::vector<double> changes = bootstrap_changes(base, now, pairing);
  const std::size_t runs = std::min(base.size(), now.size());
  Judgement judgement{.value = relative_change(base, now, pairing),
                      .low = quantile(changes, levels.fail) - levels.resolution,
                      .high = quantile(changes, 1 - levels.pass) + levels.resolution};
  // How many runs agree with a verdict: turns, or where there are none all that could be.
  std::uint64_t above = judgement.value > allowed ? runs : 0;
  if (pairing == Pairing::kTurns) {
    above = static_cast<std::uint64_t>(
        std::ranges::count_if(changes_by_turn(base, now), [&](double change) { return change > allowed; }));
  }
  const auto passes = [&](std::uint64_t k, std::uint64_t n) {
    return binomial_at_most(k, n, 0.5) <= levels.pass;
  };
  const auto fails = [&](std::uint64_t k, std::uint64_t n) {
    return binomial_at_least(k, n, 0.5) <= levels.fail;
  };
  if (judgement.high <= allowed && passes(above, runs)) {
    judgement.verdict = Verdict::kPass;
  } else if (judgement.low > allowed && fails(above, runs)) {
    judgement.verdict = Verdict::kFail;
  } else {
    const auto agreed =
        judgement.value > allowed ? runs_until(above, runs, fails) : runs_until(above, runs, passes);
    const auto separate = runs_to_separate(judgement, allowed, runs);
    if (agreed && separate) {
      judgement.runs_needed = std::max(*agreed, *separate);
    }
  }
  return judgement;
}

}  // namespace mayfly::gate
