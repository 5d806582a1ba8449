// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_statistics.hpp"

#include <numeric>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/boot_summary.hpp"

namespace mayfly::cli {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

// A boot that is ready after `ready` ms, of which the kernel takes all but 2.
BootResult boot_of(std::uint64_t ready) {
  BootResult result;
  result.report.spans = {{"exec_to_ready_ns", ready * kMs}, {"first_entry_to_init_ns", (ready - 2) * kMs}};
  result.report.phases = {{"enter", 0, kMs},
                          {"guest_kernel", kMs, (ready - 1) * kMs, boot::Track::kGuest},
                          {"guest_init", (ready - 1) * kMs, ready * kMs, boot::Track::kGuest},
                          {"workload", ready * kMs, 1000 * kMs, boot::Track::kGuest},
                          {"kernel_read", 0, ready * kMs, boot::Track::kKernelLoader}};
  result.exec_to_exit_ns = (ready + 5) * kMs;
  return result;
}

std::vector<BootResult> boots(std::size_t count) {
  std::vector<BootResult> all;
  for (std::size_t i = count; i > 0; --i) {
    all.push_back(boot_of(10 + i));
  }
  return all;
}

TEST(Percentile, IsTheNearestRankAndAlwaysAMeasuredValue) {
  EXPECT_EQ(percentile_index(1, 99), 0U);
  EXPECT_EQ(percentile_index(100, 50), 49U);
  EXPECT_EQ(percentile_index(100, 99), 98U);
  EXPECT_EQ(percentile_index(99, 99), 98U);
  EXPECT_EQ(percentile_index(101, 50), 50U);
  EXPECT_EQ(percentile_index(1000, 99), 989U);
}

TEST(Percentile, SaysFromHowManyValuesItIsNotTheHighest) {
  EXPECT_EQ(values_needed(99), 100U);
  EXPECT_EQ(values_needed(95), 20U);
  for (const unsigned percent : {50U, 90U, 95U, 99U}) {
    const std::size_t needed = values_needed(percent);
    EXPECT_EQ(percentile_index(needed - 1, percent), needed - 2) << percent;
    EXPECT_LT(percentile_index(needed, percent), needed - 1) << percent;
  }
}

TEST(Histogram, HasEveryValueOnce) {
  const std::vector<std::uint64_t> values{5, 5, 6, 30, 104, 105};
  const std::vector<Bar> bars = histogram(values);
  EXPECT_EQ(bars.size(), 10U);
  EXPECT_EQ(bars.front().count, 3U);
  EXPECT_EQ(bars.back().count, 2U);
  EXPECT_EQ(std::accumulate(bars.begin(), bars.end(), std::size_t{0},
                            [](std::size_t sum, const Bar& bar) { return sum + bar.count; }),
            values.size());
  for (std::size_t i = 1; i < bars.size(); ++i) {
    EXPECT_EQ(bars[i].from, bars[i - 1].to);
  }
}

TEST(Histogram, EqualValuesAreOneBar) {
  const std::vector<std::uint64_t> values{7, 7};
  ASSERT_EQ(histogram(values).size(), 1U);
  EXPECT_EQ(histogram(values)[0].count, 2U);
}

TEST(Figures, AreOfWhatEveryBootHas) {
  std::vector<BootResult> all = boots(3);
  all[1].report.spans.pop_back();
  const std::vector<Figures> figures = span_figures(all);
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_EQ(figures[0].name, "exec_to_ready_ns");
  EXPECT_EQ(figures[0].values, (std::vector<std::uint64_t>{11 * kMs, 12 * kMs, 13 * kMs}));
  EXPECT_EQ(figures[1].name, "exec_to_exit_ns");
}

TEST(Figures, UnfinishedPhasesAreNotAmongThem) {
  std::vector<BootResult> all = boots(2);
  all[0].report.phases[3].unfinished = true;
  for (const Figures& each : phase_figures(all)) {
    EXPECT_NE(each.name, "workload");
  }
}

TEST(Limit, IsOfThePercentileAndNamesTheBootAndItsLongestPhase) {
  const std::vector<BootResult> all = boots(100);  // 110 down to 11 ms
  const Verdict p99 = judge(all, {99, 109 * kMs});
  EXPECT_EQ(p99.ns, 109 * kMs);
  EXPECT_EQ(p99.boot, 2U);
  EXPECT_EQ(p99.longest.name, "guest_kernel") << "not what comes after ready, nor what runs beside";
  EXPECT_TRUE(p99.kept());
  EXPECT_FALSE(judge(all, {99, 109 * kMs - 1}).kept());
  EXPECT_EQ(judge(all, {50, 1}).ns, 60 * kMs);
}

TEST(Limit, ComplaintIsASentenceWithFigures) {
  EXPECT_EQ(
      complaint(judge(boots(100), {99, 50 * kMs})),
      "p99 of exec to ready is 109.000 ms, over the limit of 50.000 ms; in that boot, number 2, the longest "
      "phase is guest_kernel with 107.000 ms");
}

TEST(Summary, HasTheThreeSpansAndSaysWhatIsNotKnown) {
  const std::string text = summary(boots(100));
  EXPECT_NE(text.find("exec to ready              60.000    100.000    105.000    109.000    110.000\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("first entry to init"), std::string::npos);
  EXPECT_NE(text.find("kernel to userspace     not known: the kernel wrote no marks\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("slowest"), std::string::npos);
}

TEST(Summary, FewBootsHaveNoP99AndItSaysSo) {
  EXPECT_NE(summary(boots(99)).find("The p99 of 99 boots is the slowest of them"), std::string::npos);
}

TEST(Summary, JsonHasFiguresVerdictsAndEveryBoot) {
  const std::vector<BootResult> all = boots(20);
  const std::vector<Verdict> verdicts{judge(all, {50, 1})};
  const auto json = nlohmann::json::parse(to_json(all, verdicts));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["boots"], 20);
  EXPECT_EQ(json["spans"]["exec_to_ready_ns"]["p50"], 20 * kMs);
  EXPECT_EQ(json["spans"]["exec_to_ready_ns"]["min"], 11 * kMs);
  EXPECT_EQ(json["phases"]["enter"]["max"], kMs);
  EXPECT_EQ(json["exec_to_ready_ns"][0], 30 * kMs) << "in order of booting";
  EXPECT_EQ(json["limits"][0]["kept"], false);
  EXPECT_EQ(json["limits"][0]["longest_phase"], "guest_kernel");
}

}  // namespace
}  // namespace mayfly::cli
