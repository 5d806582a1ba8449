// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/judge.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/error.hpp"
#include "ci/gate/cause.hpp"

namespace mayfly::gate {
namespace {

// What is compared with.
struct Base {
  const HistoryEntry* entry = nullptr;
  Pairing pairing = Pairing::kApart;
};

const std::vector<double>& values_of(const Metrics& metrics, const std::string& metric,
                                     const std::string& who) {
  const auto found = metrics.find(metric);
  if (found != metrics.end()) {
    return found->second;
  }
  std::string names;
  for (const auto& [name, values] : metrics) {
    if (name.substr(0, name.find('.')) == metric.substr(0, metric.find('.'))) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  throw Error(who + " has no " + metric + "; it has " + (names.empty() ? "nothing of that kind" : names));
}

// Instructions of two programs that do the same differ a little; counts and sizes do not.
Levels levels_of(const std::string& metric, Mode mode, std::size_t checks) {
  Levels levels = levels_for(mode, checks);
  if (unit_of(metric, mode) != "Minsn") {
    levels.resolution = 0;
  }
  return levels;
}

class Judge {
 public:
  Judge(Findings& findings, const HistoryEntry& now, std::size_t checks)
      : findings_(findings), now_(now), checks_(checks) {}

  void limit(const Limit& limit) {
    const std::vector<double>& values = values_of(now_.metrics, limit.metric, "the measurement");
    Check check{.kind = CheckKind::kLimit,
                .metric = limit.metric,
                .p = limit.p,
                .limit = limit.limit,
                .samples = values.size(),
                .now = median(values)};
    check.judgement = judge_limit(values, limit.p, limit.limit, levels_of(limit.metric, now_.mode, checks_));
    findings_.checks.push_back(std::move(check));
  }

  void change(const Allowance& allowance, const Base& base) {
    const std::vector<double>& before =
        values_of(base.entry->metrics, allowance.metric, "what is compared with");
    const std::vector<double>& values = values_of(now_.metrics, allowance.metric, "the measurement");
    Check check{.kind = CheckKind::kChange,
                .metric = allowance.metric,
                .limit = allowance.allowed,
                .samples = values.size(),
                .base_samples = before.size(),
                .base = median(before),
                .now = median(values)};
    check.judgement = judge_change(before, values, base.pairing, allowance.allowed,
                                   levels_of(allowance.metric, now_.mode, checks_));
    findings_.checks.push_back(std::move(check));
  }

  void conclude() {
    Verdict verdict = Verdict::kPass;
    for (const Check& check : findings_.checks) {
      if (check.judgement.verdict == Verdict::kFail) {
        verdict = Verdict::kFail;
      } else if (check.judgement.verdict == Verdict::kNotEnoughEvidence && verdict == Verdict::kPass) {
        verdict = Verdict::kNotEnoughEvidence;
      }
      if (const auto runs = check.judgement.runs_needed) {
        findings_.runs_needed = std::max(findings_.runs_needed.value_or(0), *runs);
      }
    }
    findings_.verdict = verdict;
  }

 private:
  Findings& findings_;
  const HistoryEntry& now_;
  std::size_t checks_;
};

template <typename Rule>
std::vector<Rule> of_mode(const std::vector<Rule>& rules, Mode mode) {
  std::vector<Rule> result;
  std::ranges::copy_if(rules, std::back_inserter(result),
                       [mode](const Rule& rule) { return rule.mode == mode; });
  return result;
}

// In the order of how much they moved, relatively to the whole for times.
std::vector<Move> moves(const HistoryEntry& base, const HistoryEntry& now) {
  std::vector<Move> result;
  for (const auto& [metric, values] : now.metrics) {
    const auto before = base.metrics.find(metric);
    if (before != base.metrics.end() && !metric.starts_with("kvm.")) {
      result.push_back({metric, median(before->second), median(values)});
    }
  }
  std::ranges::stable_sort(result, [](const Move& a, const Move& b) {
    return std::abs(a.now - a.base) > std::abs(b.now - b.base);
  });
  return result;
}

// The span from exec that is judged and did not pass, the longest if there are several; that to ready if
// there is none.
std::string span_to_explain(const Findings& findings, const HistoryEntry& now) {
  std::string longest = "span.exec_to_ready";
  double length = 0;
  for (const Check& check : findings.checks) {
    if (check.metric.starts_with("span.exec_to_") && check.judgement.verdict != Verdict::kPass &&
        median(now.metrics.at(check.metric)) > length) {
      longest = check.metric;
      length = median(now.metrics.at(longest));
    }
  }
  return short_name(longest);
}

// By how much a span grew; nothing when it was not measured.
double growth_of(const std::string& span, const std::vector<Move>& moves) {
  const auto found = std::ranges::find(moves, "span." + span, &Move::metric);
  return found == moves.end() ? 0 : found->now - found->base;
}

// Phases that begin when the span is over cannot have made it longer. Before the guest runs phases have work
// beside them, which makes now this one longer and now that; so of the two sides of the first entry only
// those of the one that grew more can.
std::vector<Move> moves_within(const std::string& span, const Findings& findings) {
  const std::string host_side = "exec_to_first_entry";
  const bool by_host = growth_of(host_side, findings.moves) * 2 >= growth_of(span, findings.moves);
  std::set<std::string> within;
  for (const Sample& sample : findings.measurement.samples) {
    const auto length = sample.spans_ns.find(span);
    const auto entry = sample.spans_ns.find(host_side);
    for (const Phase& phase : sample.phases) {
      if ((length == sample.spans_ns.end() || phase.begin_ns < length->second) &&
          (entry == sample.spans_ns.end() || (phase.begin_ns < entry->second) == by_host)) {
        within.insert("phase." + phase.name);
      }
    }
  }
  std::vector<Move> result;
  std::ranges::copy_if(findings.moves, std::back_inserter(result), [&](const Move& move) {
    return !move.metric.starts_with("phase.") || within.contains(move.metric);
  });
  return result;
}

// Says of each by how much it grew at least.
std::vector<Move> made_sure(std::vector<Move> moves, const HistoryEntry& base, const HistoryEntry& now,
                            Pairing pairing) {
  constexpr double kDoubt = 0.05;  // how probable it may be that it grew by less
  for (Move& move : moves) {
    const std::vector<double> changes =
        bootstrap_changes(base.metrics.at(move.metric), now.metrics.at(move.metric), pairing);
    move.least_growth = move.base * quantile(changes, kDoubt);
  }
  return moves;
}

void explain(Findings& findings, const HistoryEntry& base, const HistoryEntry& now, Pairing pairing) {
  findings.moves = moves(base, now);
  findings.differences = differences(base.fingerprint, now.fingerprint);
  if (findings.verdict != Verdict::kPass) {
    findings.causes =
        causes_of(made_sure(moves_within(span_to_explain(findings, now), findings), base, now, pairing),
                  findings.differences, now.mode);
  }
}

}  // namespace

std::vector<Allowance> default_allowances(Mode mode) {
  return {{"span.exec_to_ready", mode, mode == Mode::kCounted ? 0.003 : 0.05}};
}

Findings check_budget(const std::string& budget_file, const Budget& budget, Measurement measurement,
                      const std::optional<std::vector<HistoryEntry>>& history) {
  const HistoryEntry now = entry_of(measurement);
  Findings findings{.title = "check against " + std::filesystem::path(budget_file).filename().string(),
                    .measurement = std::move(measurement)};
  const std::vector<Limit> limits = of_mode(budget.limits, now.mode);
  std::vector<Allowance> allowances;
  if (history) {
    allowances = of_mode(budget.allowances, now.mode);
    findings.history = like(*history, now.mode, now.fingerprint);
    if (!allowances.empty() && findings.history.empty()) {
      throw Error(
          "the history has no entry of this mode, host and guest to compare with; add one with measure "
          "--append-history, or check without --history");
    }
  }
  if (limits.empty()) {
    throw Error(budget_file + " has no limit for " + std::string(name(now.mode)) +
                " measurements; give it one");
  }
  Judge judge(findings, now, limits.size() + allowances.size());
  for (const Limit& limit : limits) {
    judge.limit(limit);
  }
  for (const Allowance& allowance : allowances) {
    judge.change(allowance, {&findings.history.back()});
  }
  judge.conclude();
  if (!findings.history.empty()) {
    explain(findings, findings.history.back(), now, Pairing::kApart);
  }
  return findings;
}

Findings compare(Measurement base, Measurement now, const std::vector<Allowance>& allowances,
                 const std::set<std::string>& accepted) {
  if (base.mode != now.mode) {
    throw Error("one measurement is counted and the other is of the wall clock; measure both alike");
  }
  const HistoryEntry before = entry_of(base);
  const HistoryEntry after = entry_of(now);
  const std::vector<Difference> forbidding =
      unlike(differences(before.fingerprint, after.fingerprint), accepted);
  if (!forbidding.empty()) {
    const Difference& first = forbidding.front();
    throw Error("the measurements are not comparable: " + first.key + " was '" + first.base + "' and is '" +
                first.now + "'; measure both alike, or take it on yourself with --accept " + first.key);
  }
  const bool by_turns = base.session == now.session && base.samples.size() == now.samples.size();
  const Pairing pairing = by_turns ? Pairing::kTurns : Pairing::kApart;
  Findings findings{.title = "comparison", .measurement = std::move(now), .base = std::move(base)};
  const std::vector<Allowance> rules = of_mode(allowances, after.mode);
  if (rules.empty()) {
    throw Error("the budget allows no change of " + std::string(name(after.mode)) +
                " measurements; give it a change_percent");
  }
  Judge judge(findings, after, rules.size());
  for (const Allowance& allowance : rules) {
    judge.change(allowance, {&before, pairing});
  }
  judge.conclude();
  explain(findings, before, after, pairing);
  return findings;
}

}  // namespace mayfly::gate
