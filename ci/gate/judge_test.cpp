// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/judge.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

const std::vector<std::uint64_t> kBoots = {41'571'000, 41'569'000, 41'559'000, 41'555'000, 41'580'000};

std::vector<std::uint64_t> times(const std::vector<std::uint64_t>& boots, double factor) {
  std::vector<std::uint64_t> result;
  for (const std::uint64_t boot : boots) {
    result.push_back(static_cast<std::uint64_t>(static_cast<double>(boot) * factor));
  }
  return result;
}

Budget budget_of(double minsn, double change_percent) {
  return {{{"span.exec_to_ready", Mode::kCounted, 0.5, minsn}},
          {{"span.exec_to_ready", Mode::kCounted, change_percent / 100}}};
}

TEST(CheckBudget, LimitDecides) {
  const Measurement now = measurement_of(Mode::kCounted, kBoots);
  EXPECT_EQ(check_budget("b", budget_of(42, 1), now, std::nullopt).verdict, Verdict::kPass);
  EXPECT_EQ(check_budget("b", budget_of(41, 1), now, std::nullopt).verdict, Verdict::kFail);
}

TEST(CheckBudget, AllowanceIsHeldAgainstTheLatestLikeEntry) {
  const Measurement now = measurement_of(Mode::kCounted, times(kBoots, 1.005));
  Measurement unlike_host = now;
  unlike_host.fingerprint.host["cpu"] = "B";
  const std::vector<HistoryEntry> history = {entry_of(measurement_of(Mode::kCounted, times(kBoots, 0.5))),
                                             entry_of(measurement_of(Mode::kCounted, kBoots)),
                                             entry_of(unlike_host)};
  const Findings findings = check_budget("b", budget_of(50, 0.25), now, history);
  EXPECT_EQ(findings.verdict, Verdict::kFail);
  ASSERT_EQ(findings.checks.size(), 2U);
  EXPECT_NEAR(findings.checks[1].judgement.value, 0.005, 0.0005);
  EXPECT_EQ(findings.history.size(), 2U);
  EXPECT_FALSE(findings.causes.empty());
  EXPECT_EQ(check_budget("b", budget_of(50, 1), now, history).verdict, Verdict::kPass);
}

TEST(CheckBudget, FailingIsMoreThanNotKnowing) {
  Budget budget{{{"span.exec_to_ready", Mode::kWall, 0.5, 41}, {"span.exec_to_ready", Mode::kWall, 0.99, 50}},
                {}};
  const Measurement now = measurement_of(Mode::kWall, std::vector<std::uint64_t>(10, 42'000'000));
  EXPECT_EQ(check_budget("b", budget, now, std::nullopt).verdict, Verdict::kFail);
  budget.limits[0].limit = 43;
  const Findings findings = check_budget("b", budget, now, std::nullopt);
  EXPECT_EQ(findings.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_EQ(findings.runs_needed, 299U);
}

TEST(CheckBudget, WhatCannotBeCheckedIsAnError) {
  const auto refusal = [](const Budget& budget, Mode mode,
                          const std::optional<std::vector<HistoryEntry>>& history) {
    return error_of(
        [&] { static_cast<void>(check_budget("b", budget, measurement_of(mode, kBoots), history)); });
  };
  EXPECT_EQ(refusal(budget_of(42, 1), Mode::kWall, std::nullopt),
            "b has no limit for wall measurements; give it one");
  EXPECT_EQ(refusal({{{"span.exec_to_reddy", Mode::kCounted, 0.5, 1}}, {}}, Mode::kCounted, std::nullopt),
            "the measurement has no span.exec_to_reddy; it has span.exec_to_ready, span.init_to_ready");
  EXPECT_TRUE(
      contains(refusal(budget_of(42, 1), Mode::kCounted, {{entry_of(measurement_of(Mode::kWall, kBoots))}}),
               "the history has no entry of this mode"));
}

TEST(Compare, UnlikeMeasurementsAreRefused) {
  const Measurement base = measurement_of(Mode::kCounted, kBoots);
  Measurement now = base;
  now.fingerprint.host["cpu"] = "B";
  const auto rules = default_allowances(Mode::kCounted);
  EXPECT_EQ(
      error_of([&] { static_cast<void>(compare(base, now, rules, {})); }),
      "the measurements are not comparable: host.cpu was 'A' and is 'B'; measure both alike, or take it on "
      "yourself with --accept host.cpu");
  EXPECT_EQ(compare(base, now, rules, {"host.cpu"}).verdict, Verdict::kPass);
  EXPECT_TRUE(contains(
      error_of([&] { static_cast<void>(compare(base, measurement_of(Mode::kWall, kBoots), rules, {})); }),
      "one measurement is counted and the other is of the wall clock"));
}

TEST(Compare, BootsThatTookTurnsAreComparedByTurn) {
  // Each turn alike, but the machine drifts by more than what is allowed.
  const std::vector<std::uint64_t> drifting = {40'000'000, 42'000'000, 44'000'000,
                                               46'000'000, 48'000'000, 50'000'000};
  const Measurement base = measurement_of(Mode::kCounted, drifting);
  Measurement now = base;
  const auto rules = default_allowances(Mode::kCounted);
  EXPECT_EQ(compare(base, now, rules, {}).verdict, Verdict::kPass);
  now.session = "2";
  EXPECT_EQ(compare(base, now, rules, {}).verdict, Verdict::kNotEnoughEvidence);
}

TEST(Compare, PhasesAfterTheSpanThatGrewAreNoCause) {
  Measurement base = measurement_of(Mode::kCounted, kBoots);
  Measurement now = measurement_of(Mode::kCounted, times(kBoots, 1.05));
  for (Measurement* measurement : {&base, &now}) {
    const std::uint64_t length = measurement == &base ? 5'000'000 : 25'000'000;
    for (Sample& sample : measurement->samples) {
      const std::uint64_t ready = sample.spans_ns.at("exec_to_ready");
      sample.phases.push_back({"teardown", ready, ready + length});
      sample.spans_ns["exec_to_torn_down"] = ready + length;
    }
  }
  std::vector<Allowance> rules = {{"span.exec_to_ready", Mode::kCounted, 0.003}};
  EXPECT_TRUE(contains(compare(base, now, rules, {}).causes.at(0), "grew most is guest_kernel"));
  rules.push_back({"span.exec_to_torn_down", Mode::kCounted, 0.003});
  EXPECT_TRUE(contains(compare(base, now, rules, {}).causes.at(0), "grew most is teardown"));
}

// What reads the kernel ran beside another phase than before, in each boot.
TEST(Compare, PhasesThatMoveAmongEachOtherBeforeTheGuestRunsAreNoCause) {
  Measurement base = measurement_of(Mode::kCounted, kBoots);
  Measurement now = measurement_of(Mode::kCounted, times(kBoots, 1.02));
  const std::vector<Allowance> rules = {{"span.exec_to_ready", Mode::kCounted, 0.003}};
  for (Measurement* measurement : {&base, &now}) {
    const std::uint64_t memory = measurement == &base ? 1'000'000 : 6'000'000;
    for (Sample& sample : measurement->samples) {
      sample.spans_ns["exec_to_first_entry"] = 7'000'000;
      sample.phases.at(0) = {"enter", memory, 7'000'000};
      sample.phases.push_back({"memory", 0, memory});
    }
  }
  EXPECT_TRUE(contains(compare(base, now, rules, {}).causes.at(0), "grew most is guest_kernel"));
  for (Sample& sample : now.samples) {
    sample.spans_ns["exec_to_first_entry"] = 9'000'000;
  }
  EXPECT_TRUE(contains(compare(base, now, rules, {}).causes.at(0), "grew most is memory"));
}

// Its median grew by more than that of the phase that grew in each boot.
TEST(Compare, PhaseThatTakesNowLongAndNowShortIsNoCause) {
  Measurement base = measurement_of(Mode::kCounted, kBoots);
  Measurement now = measurement_of(Mode::kCounted, times(kBoots, 1.05));
  for (Measurement* measurement : {&base, &now}) {
    std::size_t number = 0;
    for (Sample& sample : measurement->samples) {
      const bool is_long = (number++ < 2) == (measurement == &base);
      sample.phases.push_back({"vm_create", 0, is_long ? 9'000'000U : 1'000'000U});
    }
  }
  EXPECT_TRUE(contains(compare(base, now, {{"span.exec_to_ready", Mode::kCounted, 0.003}}, {}).causes.at(0),
                       "grew most is guest_kernel"));
}

TEST(Compare, ExitsThatGrewByOneInEachBootFailAnAllowanceOfNone) {
  const Measurement base = measurement_of(Mode::kCounted, kBoots);
  Measurement now = base;
  const std::vector<Allowance> none = {{"exits.total", Mode::kCounted, 0}};
  EXPECT_EQ(compare(base, now, none, {}).verdict, Verdict::kPass);
  for (Sample& sample : now.samples) {
    ++sample.exits["mmio_write"];
  }
  const Findings findings = compare(base, now, none, {});
  EXPECT_EQ(findings.verdict, Verdict::kFail);
}

}  // namespace
}  // namespace mayfly::gate
