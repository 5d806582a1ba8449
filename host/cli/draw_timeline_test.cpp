// SPDX-License-Identifier: Apache-2.0
#include "cli/draw_timeline.hpp"

#include <cstring>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"
#include "boot/timeline.hpp"

namespace mayfly::cli {
namespace {

class DrawTimeline : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  void write(const std::string& text) { std::ofstream(path_) << text; }
  std::string refusal() {
    try {
      return draw_timeline(path_, TimelineForm::kWaterfall);
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string path_ = testing::TempDir() + "mayfly-draw-timeline-" + std::to_string(::getpid());
};

TEST_F(DrawTimeline, DrawsTheSameFromTheFileAsFromTheRun) {
  boot::BootTimeline timeline(boot::ExecTime{});
  timeline.mark(boot::Milestone::kMain);
  timeline.mark(boot::Milestone::kFirstEntry);
  timeline.port_mark(0x60);
  timeline.port_mark(0x61);
  boot::RunFacts facts;
  facts.outcome = "exited";
  facts.exit_status = 7;
  const boot::Report report = timeline.report(facts);
  write(boot::to_json(report));
  EXPECT_EQ(draw_timeline(path_, TimelineForm::kWaterfall), boot::waterfall(report));
  EXPECT_EQ(draw_timeline(path_, TimelineForm::kPerfetto), boot::to_perfetto(report));
  EXPECT_NE(draw_timeline(path_, TimelineForm::kWaterfall).find("exited, exit status 7"), std::string::npos);
}

TEST_F(DrawTimeline, OtherFilesAreRefusedByName) {
  for (const char* text : {"", "{", "[]", "{}", R"({"version": 2})", R"({"version": "1"})"}) {
    write(text);
    EXPECT_EQ(refusal(), path_ + " is not a timeline of `mayfly run --timeline`") << text;
  }
}

TEST_F(DrawTimeline, FieldsOfTheWrongKindAreHarmless) {
  write(
      R"({"version": 1, "outcome": 3, "exit_status": "x", "phases": [{"name": 1, "begin_ns": -5}, 7], "spans": []})");
  EXPECT_NE(refusal().find("exit status 0"), std::string::npos);
}

TEST_F(DrawTimeline, MissingFileIsNamed) { EXPECT_NE(refusal().find(path_), std::string::npos); }

}  // namespace
}  // namespace mayfly::cli
