// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/findings.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace mayfly::gate {
namespace {

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.*f", decimals, value));
  return text.data();
}

// Enough digits to tell 0.1 % apart.
int decimals_for(double value) {
  const double size = std::abs(value);
  return size >= 1000 ? 1 : size >= 10 ? 2 : 3;
}

std::string more_runs(const Check& check) {
  if (check.judgement.verdict != Verdict::kNotEnoughEvidence) {
    return "";
  }
  if (!check.judgement.runs_needed) {
    return "; it lies so near the limit that more boots would not tell";
  }
  return "; about " + std::to_string(*check.judgement.runs_needed) +
         (check.kind == CheckKind::kChange ? " boots of each would tell" : " boots would tell");
}

}  // namespace

std::string amount(double value, const std::string& unit) {
  const bool whole = unit.empty() && value == std::floor(value);
  return fixed(value, whole ? 0 : decimals_for(value)) + (unit.empty() ? "" : " " + unit);
}

std::string percent(double change) { return (change < 0 ? "" : "+") + fixed(change * 100, 2) + " %"; }

std::string short_name(const std::string& metric) {
  for (const std::string_view kind : {"span.", "phase."}) {
    if (metric.starts_with(kind)) {
      return metric.substr(kind.size());
    }
  }
  return metric;
}

std::string name_of(const Check& check) {
  const bool phase = check.metric.starts_with("phase.");
  const std::string name = (phase ? "phase " : "") + short_name(check.metric);
  return check.kind == CheckKind::kChange ? name + " change"
                                          : name + " p" + std::to_string(std::lround(check.p * 100));
}

std::string sentence_of(const Check& check, Mode mode) {
  const std::string unit = unit_of(check.metric, mode);
  const bool fails = check.judgement.verdict == Verdict::kFail;
  const bool passes = check.judgement.verdict == Verdict::kPass;
  const std::string relation = fails ? " is above " : passes ? " keeps to " : " cannot be told from ";
  const std::string boots = (check.base_samples == 0 || check.base_samples == check.samples
                                 ? ""
                                 : std::to_string(check.base_samples) + " and ") +
                            std::to_string(check.samples) + (check.samples == 1 ? " boot" : " boots");
  if (check.kind == CheckKind::kLimit) {
    return amount(check.judgement.value, unit) + relation + amount(check.limit, unit) + " (" + boots + ")" +
           more_runs(check);
  }
  return percent(check.judgement.value) + relation + percent(check.limit) + " (interval " +
         percent(check.judgement.low) + " to " + percent(check.judgement.high) + ", " +
         amount(check.base.value_or(0), unit) + " to " + amount(check.now, unit) + ", " + boots + ")" +
         more_runs(check);
}

}  // namespace mayfly::gate
