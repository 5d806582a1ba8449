// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "exits/report.hpp"

namespace mayfly::exits {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

Report report_of(std::uint64_t ns, std::uint64_t exits, decltype(ReportGroup::counts) reasons) {
  return {.duration_ns = ns, .exits = exits, .groups = {{"reason", std::move(reasons)}, {"port", {}}}};
}

TEST(CompareExits, RatesAreComparedWhateverTheDurations) {
  const std::string text = compare(report_of(kSecond, 30, {{"hlt", 10}, {"io", 20}}),
                                   report_of(2 * kSecond, 30, {{"hlt", 10}, {"msr", 2}, {"io", 40}}));
  EXPECT_EQ(text,
            "EXITS, A SECOND                               BASE           NEW        CHANGE\n"
            "all                                           30.0          15.0       -50.0 %\n"
            "\n"
            "REASON                                        BASE           NEW        CHANGE\n"
            "hlt                                           10.0           5.0       -50.0 %\n"
            "msr                                            0.0           1.0           new\n"
            "io                                            20.0          20.0             =\n");
}

TEST(CompareExits, WhatIsGoneAndWhatCameIsSaid) {
  const std::string text = compare(report_of(kSecond, 1, {{"hlt", 100}}), report_of(kSecond, 1, {{"io", 1}}));
  EXPECT_NE(text.find("hlt                                          100.0           0.0          gone\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("           new\n"), std::string::npos) << text;
}

TEST(CompareExits, RunsAreComparedWhole) {
  Report base = report_of(0, 100, {{"io", 100}});
  Report next = report_of(0, 110, {{"io", 110}});
  base.unit = next.unit = Unit::kRun;
  const std::string text = compare(base, next);
  EXPECT_TRUE(text.starts_with("EXITS, A RUN ")) << text;
  EXPECT_NE(text.find("100.0         110.0       +10.0 %"), std::string::npos) << text;
}

TEST(CompareExits, RunAndSecondsAreNotCompared) {
  Report run;
  run.unit = Unit::kRun;
  EXPECT_THROW(static_cast<void>(compare(run, Report{})), Error);
  EXPECT_THROW(static_cast<void>(compare(Report{}, run)), Error);
}

TEST(CompareExits, LostEventsAreSaid) {
  Report next = report_of(kSecond, 1, {});
  next.lost = 3;
  EXPECT_NE(compare(report_of(kSecond, 1, {}), next).find("Of the new report 3 events were lost"),
            std::string::npos);
}

}  // namespace
}  // namespace mayfly::exits
