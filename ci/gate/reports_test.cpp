// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/fixture.hpp"
#include "ci/gate/html_report.hpp"
#include "ci/gate/judge.hpp"
#include "ci/gate/svg.hpp"
#include "ci/gate/text_reports.hpp"

namespace mayfly::gate {
namespace {

Findings failing() {
  Measurement base = measurement_of(Mode::kCounted, std::vector<std::uint64_t>(6, 40'000'000));
  Measurement now = measurement_of(Mode::kCounted, std::vector<std::uint64_t>(6, 41'000'000));
  now.fingerprint.guest["kernel"] = "<k2> & \"more\"";
  now.label = "a | b";
  return compare(std::move(base), std::move(now), default_allowances(Mode::kCounted), {});
}

TEST(Terminal, TellsCheckCauseAndVerdict) {
  EXPECT_EQ(
      to_terminal(failing(), Colour::kNo),
      "FAIL  exec_to_ready change: +2.50 % is above +0.30 % (interval +2.45 % to +2.55 %, 40.00 Minsn to "
      "41.00 Minsn, 6 boots)\n"
      "      the phase that grew most is guest_kernel: 32.50 Minsn to 33.50 Minsn (+3.08 %)\n"
      "      likely cause: the kernel is another one, of the same size\n"
      "comparison: fail\n");
  EXPECT_TRUE(contains(to_terminal(failing(), Colour::kYes), "\x1b[31;1mFAIL"));
}

TEST(Terminal, TellsHowManyRunsWouldDecide) {
  Findings findings =
      check_budget("b", {{{"span.exec_to_ready", Mode::kWall, 0.99, 50}}, {}},
                   measurement_of(Mode::kWall, std::vector<std::uint64_t>(3, 40'000'000)), std::nullopt);
  EXPECT_EQ(
      to_terminal(findings, Colour::kNo),
      "?     exec_to_ready p99: 40.00 ms cannot be told from 50.00 ms (3 boots); about 299 boots would tell\n"
      "check against b: not enough evidence, about 299 boots would decide\n");
  EXPECT_TRUE(contains(to_junit(findings), "<skipped message="));
}

TEST(Markdown, IsATableThatNoLabelBreaks) {
  const std::string text = to_markdown(failing());
  EXPECT_TRUE(contains(text, "| :x: | exec_to_ready change | +2.50 % is above +0.30 %"));
  EXPECT_TRUE(contains(text, "a \\| b"));
}

TEST(Junit, HasACaseForEachCheck) {
  const std::string text = to_junit(failing());
  EXPECT_TRUE(contains(text, "tests=\"1\" failures=\"1\" skipped=\"0\""));
  EXPECT_TRUE(contains(text, "<failure message=\"+2.50 % is above"));
}

TEST(JsonReport, HasVerdictChecksAndDifferences) {
  const Json json = Json::parse(to_json_text(failing()));
  EXPECT_EQ(json["verdict"], "fail");
  EXPECT_EQ(json["checks"][0]["metric"], "span.exec_to_ready");
  EXPECT_NEAR(json["checks"][0]["value"].get<double>(), 0.025, 1e-9);
  EXPECT_EQ(json["differences"][0]["key"], "guest.kernel");
}

TEST(Html, StandsAloneAndEscapesWhatItShows) {
  const std::string page = to_html(failing());
  EXPECT_TRUE(contains(page, "&lt;k2&gt; &amp; &quot;more&quot;"));
  EXPECT_FALSE(contains(page, "<k2>"));
  for (const char* outside : {"<script", "src=", "href=", "url(", "@import"}) {
    EXPECT_FALSE(contains(page, outside)) << outside;
  }
  EXPECT_TRUE(contains(page, "prefers-color-scheme: dark"));
  EXPECT_TRUE(contains(page, "Waterfall: when each phase"));
  EXPECT_TRUE(contains(page, "Distribution of exec_to_ready"));
}

TEST(Svg, BarsAreWhereThePhasesOfTheMedianBootWere) {
  const auto bars = bars_of({boot_of(40'000'000), boot_of(42'000'000), boot_of(50'000'000)});
  ASSERT_EQ(bars.size(), 4U);
  EXPECT_EQ(bars[0].name, "enter");
  EXPECT_EQ(bars[1].name, "kernel_read");
  EXPECT_DOUBLE_EQ(bars[2].end, 41.5);
  const std::string drawing = waterfall_svg(bars, {}, "ms");
  EXPECT_TRUE(contains(drawing, "guest_kernel: 34.50 ms, from 7.000 ms"));
}

TEST(Svg, EqualFiguresAndSinglePointsCanBeDrawn) {
  for (const std::string& drawing :
       {distribution_svg("x", {0, 0, 0}, {}, {}, ""), distribution_svg("x", {5}, {5}, {5}, "ms"),
        history_svg("x", {{"a", 3, 3, 3}}, std::nullopt, "ms")}) {
    EXPECT_FALSE(contains(drawing, "nan"));
    EXPECT_FALSE(contains(drawing, "inf"));
  }
}

}  // namespace
}  // namespace mayfly::gate
