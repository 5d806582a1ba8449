// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/budget.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

std::string refusal(const std::string& text) {
  return error_of([&] { static_cast<void>(parse_budget("b.json", text)); });
}

std::string with_span(const std::string& span) {
  return R"({"version": 1, "spans": {"exec_to_ready": )" + span + "}}";
}

TEST(Budget, LimitsAndAllowancesOfBothModes) {
  const Budget budget = parse_budget("b.json", R"({
    "version": 1, "about": "why these",
    "spans": {"exec_to_ready": {"wall": {"p50_ms": 30, "p95_ms": 40, "p99_ms": 50, "change_percent": 5},
                                "counted": {"minsn": 44.5, "change_percent": 0.5}}},
    "phases": {"guest_kernel": {"counted": {"minsn": 36}}},
    "exits": {"total": {"limit": 1200, "change_percent": 1}},
    "memory": {"resident": {"mib": 48}}})");
  // Four of the span, one of the phase, one a mode of exits and of memory.
  ASSERT_EQ(budget.limits.size(), 9U);
  EXPECT_EQ(budget.limits[2].metric, "span.exec_to_ready");
  EXPECT_DOUBLE_EQ(budget.limits[2].p, 0.99);
  EXPECT_DOUBLE_EQ(budget.limits[2].limit, 50);
  EXPECT_EQ(budget.limits[4].metric, "phase.guest_kernel");
  EXPECT_EQ(budget.limits[4].mode, Mode::kCounted);
  ASSERT_EQ(budget.allowances.size(), 4U);
  EXPECT_DOUBLE_EQ(budget.allowances[1].allowed, 0.005);
}

TEST(Budget, WhatIsWrongIsNamedWithItsKey) {
  EXPECT_EQ(
      refusal(with_span(R"({"counted": {"minsn": 44, "minsm": 1}})")),
      "b.json: spans.exec_to_ready.counted.minsm is no key that is known here; see ci/gate/README.md for "
      "those that are");
  EXPECT_EQ(refusal(with_span(R"({"counted": {"minsn": -1}})")),
            "b.json: spans.exec_to_ready.counted.minsn is negative; give a number of 0 or more");
  EXPECT_EQ(refusal(with_span(R"({"counted": {}})")), "b.json: spans.exec_to_ready.counted.minsn is missing");
  EXPECT_EQ(refusal(with_span(R"({"counted": {"minsn": "44"}})")),
            "b.json: spans.exec_to_ready.counted.minsn is not a number; give a number of 0 or more");
  EXPECT_TRUE(contains(refusal(with_span(R"({"counted": {"minsn": null}})")), "minsn is not a number"));
  EXPECT_TRUE(contains(refusal(with_span(R"({"counted": {"minsn": 1e999}})")), "b.json"));
  EXPECT_TRUE(contains(refusal(with_span("{}")), "spans.exec_to_ready has no limit"));
  EXPECT_TRUE(contains(refusal(with_span("[]")), "spans.exec_to_ready is no JSON object"));
  EXPECT_TRUE(contains(refusal(with_span(R"({"wall": {"p50_ms": 40, "p95_ms": 30}})")),
                       "spans.exec_to_ready.wall.p95_ms is below the limit of a lower percentile"));
  EXPECT_TRUE(contains(refusal(R"({"version": 1, "exits": {"total": {}}})"), "exits.total.limit is missing"));
}

TEST(Budget, WholeFileMustBeOne) {
  EXPECT_TRUE(contains(refusal(R"({"version": 1, "spans": {"exec_to_re)"), "is not JSON, or is cut off"));
  EXPECT_TRUE(contains(refusal(""), "is not JSON, or is cut off"));
  EXPECT_TRUE(contains(refusal("[]"), "is no JSON object"));
  EXPECT_TRUE(contains(refusal(R"({"spans": {}})"), "version is missing"));
  EXPECT_TRUE(contains(refusal(R"({"version": 2})"), "version is not 1"));
  EXPECT_TRUE(contains(refusal(R"({"version": 1})"), "a budget that limits nothing would always pass"));
  EXPECT_TRUE(contains(refusal(R"({"version": 1, "span": {}})"), "span is no key that is known"));
}

}  // namespace
}  // namespace mayfly::gate
