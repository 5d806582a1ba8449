// SPDX-License-Identifier: Apache-2.0
#include "exits/report.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"
#include "exits/records_fixture.hpp"

namespace mayfly::exits {
namespace {

constexpr std::uint64_t kTwoSeconds = 2'000'000'000;

Tally some_exits() {
  const std::vector<TraceEvent> events = wide_events();
  Tally tally;
  const auto add = [&](const std::vector<std::byte>& raw) {
    tally.add({.process = static_cast<std::uint32_t>(::getpid()), .thread = 1, .raw = raw}, events);
  };
  add(wide_raw(EventKind::kExit, 0x72, 2, 0));
  for (int i = 0; i < 3; ++i) {
    add(wide_raw(EventKind::kExit, 0x78, 2, 1));
    add(wide_raw(EventKind::kMsr, 0x6e0, 1));
  }
  return tally;
}

std::string refusal(const std::string& json) {
  try {
    static_cast<void>(parse_report("a.json", json));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ExitsReport, GroupsHaveTheHighestCountFirst) {
  const Report report = make_report(some_exits(), {{"exits", 4}}, kTwoSeconds, Scope::kProcess);
  EXPECT_EQ(report.exits, 4U);
  using Counts = decltype(ReportGroup::counts);
  EXPECT_EQ(report.group("reason").counts, (Counts{{"hlt", 3}, {"cpuid", 1}}));
  EXPECT_EQ(report.group("vcpu").counts, (Counts{{"1", 3}, {"0", 1}}));
  EXPECT_EQ(report.group("msr").counts, (Counts{{"0x6e0 write TSC_DEADLINE", 3}}));
  EXPECT_EQ(report.group("kvm").counts, (Counts{{"exits", 4}}));
  EXPECT_EQ(report.group("port").counts, Counts{});
}

TEST(ExitsReport, VcpusOfAHostAreNamedWithTheirProcess) {
  const Report report = make_report(some_exits(), {}, kTwoSeconds, Scope::kHost);
  EXPECT_EQ(report.group("vcpu").counts.at(0).first, std::to_string(::getpid()) + ":1");
  EXPECT_TRUE(report.group("vm").counts.at(0).first.starts_with(std::to_string(::getpid()) + " "));
}

TEST(ExitsReport, TextHasRatesAndSaysWhatWasLeftOutAndLost) {
  Tally tally = some_exits();
  std::string text = to_text(make_report(tally, {}, kTwoSeconds, Scope::kProcess), 8);
  EXPECT_TRUE(text.starts_with("4 exits in 2.0 s, 2.0 a second\n")) << text;
  EXPECT_NE(text.find("\nhlt                                              3           1.5\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("PORT"), std::string::npos) << text;
  tally.add_lost(17);
  text = to_text(make_report(tally, {}, kTwoSeconds, Scope::kProcess), 1);
  EXPECT_NE(text.find("; 17 events more were lost"), std::string::npos) << text;
  EXPECT_NE(text.find("\n1 more                                           1           0.5\n"),
            std::string::npos)
      << text;
}

TEST(ExitsReport, JsonIsReadAsItWasWritten) {
  const Report report = make_report(some_exits(), {{"exits", 4}}, kTwoSeconds, Scope::kProcess);
  EXPECT_EQ(parse_report("a.json", to_json(report)), report);
}

TEST(ExitsReport, TimelineIsAReportOfARun) {
  const Report report = parse_report("t.json", R"({"version": 1, "clock": "CLOCK_MONOTONIC",
      "exits": {"port_out": 3, "mmio_write": 4}, "kvm": {"halt_exits": 9}, "phases": []})");
  EXPECT_EQ(report.unit, Unit::kRun);
  EXPECT_EQ(report.exits, 7U);
  EXPECT_EQ(report.group("vmm").counts.size(), 2U);
  EXPECT_EQ(report.group("kvm").counts.at(0).second, 9U);
}

TEST(ExitsReport, ForeignFilesAreRefusedInASentence) {
  const std::string head =
      "a.json is neither a report of `mayfly exits --json` nor a timeline of `mayfly run`: ";
  EXPECT_EQ(refusal(""), head + "it is no JSON object, or cut off");
  EXPECT_EQ(refusal("[1]"), head + "it is no JSON object, or cut off");
  EXPECT_EQ(refusal(R"({"clock": 3, "exits": {}})"), head + "it does not begin with \"mayfly_exits\"");
  EXPECT_EQ(refusal(R"({"mayfly_exits": 2})"), head + "this mayfly reads \"mayfly_exits\": 1 only");
  EXPECT_EQ(refusal(R"({"mayfly_exits": 1})"), head + "it has no number \"duration_ns\"");
  EXPECT_EQ(refusal(R"({"mayfly_exits": 1, "duration_ns": -1})"), head + "it has no number \"duration_ns\"");
  const std::string begin = R"({"mayfly_exits": 1, "duration_ns": 1, "exits": 1, "lost": 0)";
  EXPECT_EQ(refusal(begin + "}"), head + "it has no \"counts\"");
  EXPECT_EQ(refusal(begin + R"(, "counts": {"msr": 1}})"), head + "\"msr\" is no object");
  EXPECT_EQ(refusal(begin + R"(, "counts": {"msr": {"a": -1}}})"),
            head + "\"msr\" has a count that is no number");
  EXPECT_EQ(refusal(R"({"clock": "CLOCK_MONOTONIC", "exits": 1})"), head + "\"vmm\" is no object");
  EXPECT_EQ(refusal(std::string(kReportBytesMax + 1, ' ')), head + "it is too large");
}

}  // namespace
}  // namespace mayfly::exits
