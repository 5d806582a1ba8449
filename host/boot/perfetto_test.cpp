// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "boot/timeline.hpp"

namespace mayfly::boot {
namespace {

using nlohmann::json;

// Perfetto's JSON importer (src/trace_processor/importers/json), as far as it can drop or misplace an event
// of the kinds that we write. Gives the first fault, or nothing.
class Importer {
 public:
  std::string fault_in(const std::string& text) {
    const json trace = json::parse(text, nullptr, false);
    if (!trace.is_object() || !trace["traceEvents"].is_array()) {
      return "no traceEvents";
    }
    if (trace.contains("displayTimeUnit")) {
      return "displayTimeUnit changes the unit of ts in old importers";
    }
    for (const json& event : trace["traceEvents"]) {
      if (const std::string fault = fault_of(event); !fault.empty()) {
        return fault + ": " + event.dump();
      }
    }
    for (const auto& [thread, slices] : slices_) {
      if (!names_.contains(thread)) {
        return "no thread_name for tid " + std::to_string(thread);
      }
      if (!nested(slices)) {
        return "slices overlap on tid " + std::to_string(thread);
      }
    }
    return "";
  }

  std::size_t slices() const { return count_; }

 private:
  using Slice = std::pair<std::int64_t, std::int64_t>;  // begin and end in ns

  std::string fault_of(const json& event) {
    const std::string type = event.value("ph", "");
    if (!event["pid"].is_number_unsigned() || !event["tid"].is_number_unsigned()) {
      return "pid or tid is no uint32";
    }
    const auto tid = event["tid"].get<std::uint32_t>();
    // Threads are named by tid alone: one tid in two processes would be one thread.
    if (process_.emplace(tid, event["pid"]).first->second != event["pid"]) {
      return "one tid in two processes";
    }
    if (event.value("name", "").empty()) {
      return "no name";
    }
    if (type == "M") {
      return fault_of_metadata(event, tid);
    }
    if (!event["ts"].is_number() || event["ts"] < 0) {
      return "ts is no time";
    }
    return fault_of_timed(event, type, tid);
  }

  std::string fault_of_metadata(const json& event, std::uint32_t tid) {
    if (event["name"] != "process_name" && event["name"] != "thread_name") {
      return "metadata of a kind that it does not know";
    }
    if (!event["args"]["name"].is_string() || event["args"]["name"].empty()) {
      return "metadata without args.name";
    }
    if (event["name"] == "thread_name") {
      names_.insert(tid);
    }
    return "";
  }

  std::string fault_of_timed(const json& event, const std::string& type, std::uint32_t tid) {
    if (type == "X") {
      if (!event["dur"].is_number() || event["dur"] < 0) {
        return "dur is no duration";
      }
      const std::int64_t begin = ns(event["ts"]);
      slices_[tid].push_back({begin, begin + ns(event["dur"])});
      ++count_;
      return "";
    }
    if (type == "i") {
      return event["s"] == "t" || event["s"] == "p" || event["s"] == "g" ? "" : "instant without scope";
    }
    if (type == "C") {
      for (const json& value : event["args"]) {
        if (!value.is_number()) {
          return "counter is no number";
        }
      }
      return event["args"].is_object() && !event["args"].empty() ? "" : "counter without values";
    }
    return "ph is not known";
  }

  static std::int64_t ns(const json& us) { return static_cast<std::int64_t>(us.get<double>() * 1000); }

  // A stack, as SliceTracker keeps it: what begins within a slice ends within it.
  static bool nested(std::vector<Slice> slices) {
    std::stable_sort(slices.begin(), slices.end(),
                     [](const Slice& a, const Slice& b) { return a.first < b.first; });
    std::vector<std::int64_t> ends;
    for (const auto& [begin, end] : slices) {
      while (!ends.empty() && ends.back() <= begin) {
        ends.pop_back();
      }
      if (!ends.empty() && end > ends.back()) {
        return false;
      }
      ends.push_back(end);
    }
    return true;
  }

  std::map<std::uint32_t, std::vector<Slice>> slices_;
  std::map<std::uint32_t, json> process_;
  std::set<std::uint32_t> names_;
  std::size_t count_ = 0;
};

Report sample() {
  Report report;
  const auto set = [&](Milestone milestone, std::uint64_t at) {
    report.milestones[static_cast<std::size_t>(milestone)] = at;
  };
  set(Milestone::kExec, 0);
  set(Milestone::kMain, 1'000'003);
  set(Milestone::kKernelReadBegin, 1'500'000);
  set(Milestone::kKernelReadEnd, 2'500'000);
  set(Milestone::kFirstEntry, 3'000'007);
  set(Milestone::kInitStarted, 30'000'019);
  set(Milestone::kReady, 32'000'023);
  set(Milestone::kExited, 40'000'001);
  set(Milestone::kEnded, 40'000'111);
  set(Milestone::kVmDown, 41'000'000);
  set(Milestone::kTornDown, 42'000'000);
  report.marks = {{0x40, 3'000'011},  {0x42, 3'500'000},  {0x41, 29'999'999},
                  {0x60, 30'000'019}, {0x61, 32'000'023}, {0x62, 40'000'001}};
  report.facts.exits = {{"port_out", 20}, {"mmio_read", 9}};
  report.facts.samples = {{3'000'011, {1, 0}, 0},
                          {3'500'000, {2, 1}, 4096},
                          {29'999'999, {7, 6}, 8192},
                          {30'000'019, {8, 6}, 8192}};
  derive(report);
  return report;
}

TEST(Perfetto, TraceHoldsToTheImportersRules) {
  Importer importer;
  EXPECT_EQ(importer.fault_in(to_perfetto(sample())), "");
  EXPECT_EQ(importer.slices(), 14U);  // 9 phases, 4 parts of the kernel's, and the vCPUs' run
}

TEST(Perfetto, HostileMarksMakeATraceThatIsStillGood) {
  BootTimeline timeline{ExecTime{}};
  timeline.mark(Milestone::kFirstEntry);
  for (unsigned i = 0; i < 300; ++i) {
    timeline.port_mark(static_cast<std::uint8_t>(i * 31));
  }
  timeline.mark(Milestone::kEnded);
  timeline.port_mark(0x62);
  timeline.mark(Milestone::kVmDown);
  EXPECT_EQ(Importer().fault_in(to_perfetto(timeline.report({}))), "");
}

TEST(Perfetto, FileOfSomebodyElseMakesATraceThatIsStillValid) {
  const std::optional<Report> report = from_json(
      R"({"version": 1, "phases": [{"name": "a\u0001\"", "track": 3, "begin_ns": 18446744073709551615}], "marks": [7]})");
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(json::accept(to_perfetto(*report)));
}

TEST(Perfetto, TimesAreMicrosecondsOfTheTimeline) {
  const json trace = json::parse(to_perfetto(sample()));
  for (const json& event : trace["traceEvents"]) {
    if (event["name"] == "guest_kernel") {
      EXPECT_EQ(static_cast<std::int64_t>(event["ts"].get<double>() * 1000), 3'000'007);
      EXPECT_EQ(static_cast<std::int64_t>(event["dur"].get<double>() * 1000), 27'000'012);
      EXPECT_EQ(event["args"]["exits"]["port_out"], 8);
      return;
    }
  }
  FAIL() << "no guest_kernel in it";
}

TEST(Perfetto, PhasesThatFollowEachOtherDoNotOverlapByRounding) {
  Report report;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    report.phases.push_back({"x", i * 1000 + 1, (i + 1) * 1000 + 1});
  }
  Importer importer;
  EXPECT_EQ(importer.fault_in(to_perfetto(report)), "");
}

TEST(Perfetto, ExitsAreCountersThatGrow) {
  const json trace = json::parse(to_perfetto(sample()));
  std::vector<int> port_out;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "C") {
      port_out.push_back(event["args"]["port_out"]);
    }
  }
  EXPECT_EQ(port_out, (std::vector<int>{1, 2, 7, 8}));
}

}  // namespace
}  // namespace mayfly::boot
