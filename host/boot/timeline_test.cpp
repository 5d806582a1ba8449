// SPDX-License-Identifier: Apache-2.0
#include "boot/timeline.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <time.h>

#include "base/clock.hpp"

namespace mayfly::boot {
namespace {

using nlohmann::json;

TEST(ExecTime, LauncherIsBelieved) {
  const std::uint64_t before = monotonic_ns();
  const ExecTime exec = exec_time(std::to_string(before).c_str());
  EXPECT_EQ(exec.at_ns, before);
  EXPECT_EQ(exec.source, ExecSource::kLauncher);
}

TEST(ExecTime, LauncherThatTalksNonsenseIsNotBelieved) {
  const std::string future = std::to_string(monotonic_ns() + 3'600'000'000'000U);
  for (const char* value : {"", "x", "12x", "-1", " 1", "99999999999999999999999", future.c_str()}) {
    EXPECT_EQ(exec_time(value).source, ExecSource::kCpuClock) << value;
  }
}

TEST(ExecTime, WithoutLauncherLiesBackByTheCpuTimeUsed) {
  timespec used_before{};
  timespec used_after{};
  const std::uint64_t before = monotonic_ns();
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_before);
  const ExecTime exec = exec_time(nullptr);
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_after);
  const std::uint64_t after = monotonic_ns();
  const auto ns = [](const timespec& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
  };
  EXPECT_GE(exec.at_ns, before - ns(used_after));
  EXPECT_LE(exec.at_ns, after - ns(used_before));
}

TEST(Timeline, FirstMarkCounts) {
  BootTimeline timeline({monotonic_ns(), ExecSource::kLauncher});
  EXPECT_FALSE(timeline.reached(Milestone::kMain));
  EXPECT_FALSE(timeline.time_of(Milestone::kMain).has_value());
  timeline.mark(Milestone::kMain);
  const auto first = timeline.report({}).at(Milestone::kMain);
  timeline.mark(Milestone::kMain);
  EXPECT_TRUE(timeline.reached(Milestone::kMain));
  EXPECT_EQ(timeline.report({}).at(Milestone::kMain), first);
  EXPECT_EQ(timeline.time_of(Milestone::kMain), first);
}

TEST(Timeline, WhatIsNotedLaterCountsFromExecToo) {
  BootTimeline timeline(ExecTime{1000, ExecSource::kLauncher});
  timeline.note(Milestone::kDmaMapBegin, 1500);
  timeline.note(Milestone::kDmaMapBegin, 1700);
  timeline.note(Milestone::kDmaMapEnd, 900);
  const Report report = timeline.report({});
  EXPECT_EQ(report.at(Milestone::kDmaMapBegin), 500U);
  EXPECT_EQ(report.at(Milestone::kDmaMapEnd), 0U);
}

TEST(Timeline, PhasesFollowEachOtherInOrderOfTime) {
  BootTimeline timeline({monotonic_ns(), ExecSource::kLauncher});
  // Memory before the VM: not the order of the enum.
  for (const Milestone each : {Milestone::kMain, Milestone::kMemoryReady, Milestone::kVmCreated}) {
    timeline.mark(each);
  }
  const Report report = timeline.report({});
  ASSERT_EQ(report.phases.size(), 3U);
  EXPECT_EQ(report.phases[0].name, "process_start");
  EXPECT_EQ(report.phases[0].begin_ns, 0U);
  EXPECT_EQ(report.phases[1].name, "memory");
  EXPECT_EQ(report.phases[1].begin_ns, report.phases[0].end_ns);
  EXPECT_EQ(report.phases[2].name, "vm_create");
  EXPECT_EQ(report.phases[2].begin_ns, report.phases[1].end_ns);
}

TEST(Timeline, PortMarksOfInitAreMilestones) {
  BootTimeline timeline({monotonic_ns(), ExecSource::kLauncher});
  for (const unsigned code : {0x40U, 0x60U, 0x61U, 0x62U}) {
    timeline.port_mark(static_cast<std::uint8_t>(code));
  }
  const Report report = timeline.report({});
  ASSERT_EQ(report.marks.size(), 4U);
  EXPECT_EQ(report.marks[0].code, 0x40);
  EXPECT_EQ(report.at(Milestone::kInitStarted), report.marks[1].at_ns);
  EXPECT_EQ(report.at(Milestone::kReady), report.marks[2].at_ns);
  EXPECT_EQ(report.at(Milestone::kExited), report.marks[3].at_ns);
}

TEST(Timeline, FloodOfPortMarksIsCounted) {
  BootTimeline timeline({monotonic_ns(), ExecSource::kLauncher});
  std::vector<std::thread> vcpus;
  vcpus.reserve(4);
  for (int i = 0; i < 4; ++i) {
    vcpus.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        timeline.port_mark(0xff);
      }
    });
  }
  for (std::thread& vcpu : vcpus) {
    vcpu.join();
  }
  const Report report = timeline.report({});
  EXPECT_EQ(report.marks.size(), BootTimeline::kPortMarksMax);
  EXPECT_EQ(report.marks_dropped, 4000 - BootTimeline::kPortMarksMax);
}

TEST(Timeline, PortMarksAreNamed) {
  EXPECT_EQ(port_mark_name(0x00), "firmware");
  EXPECT_EQ(port_mark_name(0x20), "bootloader");
  EXPECT_EQ(port_mark_name(0x40), "kernel_entry");
  EXPECT_EQ(port_mark_name(0x41), "exec_init");
  EXPECT_EQ(port_mark_name(0x4f), "initcalls_late");
  EXPECT_EQ(port_mark_name(0x5f), "kernel");
  EXPECT_EQ(port_mark_name(0x60), "init_started");
  EXPECT_EQ(port_mark_name(0x61), "ready");
  EXPECT_EQ(port_mark_name(0x62), "exited");
  EXPECT_EQ(port_mark_name(0x7f), "userspace");
  EXPECT_EQ(port_mark_name(0xff), "custom");
}

// A run with round figures.
Report sample() {
  Report report;
  report.facts = {"exited", 7, {{"port_out", 12}, {"mmio_read", 3}}, 4096, "2m", {{"halt_exits", 5}}, {}, {}};
  report.exec = {1000, ExecSource::kLauncher};
  const auto set = [&](Milestone milestone, std::uint64_t at) {
    report.milestones[static_cast<std::size_t>(milestone)] = at;
  };
  set(Milestone::kExec, 0);
  set(Milestone::kFirstEntry, 4'000'000);
  set(Milestone::kInitStarted, 30'000'000);
  set(Milestone::kReady, 32'000'000);
  set(Milestone::kKernelReadBegin, 1'000'000);
  set(Milestone::kKernelReadEnd, 3'000'000);
  report.marks = {{0x51, 20'000'000}, {0x60, 30'000'000}, {0x61, 32'000'000}};
  report.facts.samples = {{30'000'000, {10, 2}, 8192, 40}};
  derive(report);
  return report;
}

TEST(TimelineJson, HasTheSchemaOfVersionOne) {
  const json expected = json::parse(R"({
    "version": 1, "outcome": "exited", "exit_status": 7, "clock": "CLOCK_MONOTONIC", "exec_ns": 1000,
    "exec_source": "launcher",
    "phases": [{"name": "enter", "track": "main", "begin_ns": 0, "end_ns": 4000000},
               {"name": "guest_kernel", "track": "guest", "begin_ns": 4000000, "end_ns": 30000000,
                "exits": {"port_out": 10, "mmio_read": 2}, "bytes_mapped": 8192, "kvm_exits": 40,
                "phases": [{"name": "enter_kernel", "track": "guest", "begin_ns": 4000000, "end_ns": 20000000},
                           {"name": "kernel_finish", "track": "guest", "begin_ns": 20000000, "end_ns": 30000000}]},
               {"name": "guest_init", "track": "guest", "begin_ns": 30000000, "end_ns": 32000000},
               {"name": "kernel_read", "track": "kernel_loader", "begin_ns": 1000000, "end_ns": 3000000}],
    "marks": [{"code": 81, "name": "kernel_finish", "at_ns": 20000000},
              {"code": 96, "name": "init_started", "at_ns": 30000000},
              {"code": 97, "name": "ready", "at_ns": 32000000}],
    "marks_dropped": 0, "exits": {"port_out": 12, "mmio_read": 3}, "kvm": {"halt_exits": 5},
    "memory": {"pages": "2m", "bytes_populated": 4096},
    "spans": {"exec_to_first_entry_ns": 4000000, "first_entry_to_init_ns": 26000000, "init_to_ready_ns": 2000000,
              "exec_to_ready_ns": 32000000}})");
  EXPECT_EQ(json::parse(to_json(sample())), expected);
}

TEST(TimelineJson, HasTheBalloonWhereThereWasOne) {
  Report report = sample();
  report.facts.network = {{"sent_packets", 7}};
  EXPECT_EQ(json::parse(to_json(report))["network"], json::parse(R"({"sent_packets": 7})"));
  report.facts.disks = {{"reads", 5}};
  EXPECT_EQ(json::parse(to_json(report))["disks"], json::parse(R"({"reads": 5})"));
  report.facts.sockets = {{"opened", 3}};
  EXPECT_EQ(json::parse(to_json(report))["sockets"], json::parse(R"({"opened": 3})"));
  report.facts.balloon = {{"held_bytes", 4096}};
  EXPECT_EQ(json::parse(to_json(report))["balloon"], json::parse(R"({"held_bytes": 4096})"));
}

TEST(TimelineJson, HasWhatWasPrefaultedWhereThatWasAskedFor) {
  Report report;
  EXPECT_FALSE(json::parse(to_json(report)).contains("prefault"));
  report.facts.prefault = {{"mapped_bytes", 4096}};
  EXPECT_EQ(json::parse(to_json(report))["prefault"], json::parse(R"({"mapped_bytes": 4096})"));
}

TEST(TimelineJson, HasTheDmaMapWhereDevicesWerePassedThrough) {
  Report report;
  EXPECT_FALSE(json::parse(to_json(report)).contains("dma"));
  report.facts.dma = {{"mapped_bytes", 4096}};
  EXPECT_EQ(json::parse(to_json(report))["dma"], json::parse(R"({"mapped_bytes": 4096})"));
}

TEST(TimelineJson, AnyBytesInTheOutcomeMakeValidJson) {
  Report report = sample();
  report.facts.outcome = "cannot open \xff\xfe\"\n";
  EXPECT_TRUE(json::accept(to_json(report)));
}

TEST(TimelineJson, MarksInAnImpossibleOrderMakeNoSpan) {
  Report report = sample();
  report.milestones[static_cast<std::size_t>(Milestone::kReady)] = 1;
  derive(report);
  const json spans = json::parse(to_json(report))["spans"];
  EXPECT_FALSE(spans.contains("init_to_ready_ns"));
  EXPECT_TRUE(spans.contains("exec_to_ready_ns"));
}

TEST(TimelineJson, IsReadAsItWasWritten) {
  Report report = sample();
  report.phases.back().unfinished = true;
  const std::optional<Report> read = from_json(to_json(report));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(waterfall(*read), waterfall(report));
  EXPECT_EQ(to_perfetto(*read), to_perfetto(report));
}

TEST(TimelineJson, FileThatIsNestedDeeplyIsReadToOurDepth) {
  std::string text = R"({"version": 1, "phases": [)";
  for (int i = 0; i < 1000; ++i) {
    text += R"({"name": "x", "phases": [)";
  }
  for (int i = 0; i < 1000; ++i) {
    text += "]}";
  }
  const std::optional<Report> report = from_json(text + "]}");
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->phases.at(0).parts.at(0).parts.empty());
}

TEST(Waterfall, ShowsEachPhaseWhereItWas) {
  EXPECT_EQ(waterfall(sample()),
            "enter                     4.000 ms  #####\n"
            "kernel_read               2.000 ms   ##\n"
            "guest_kernel             26.000 ms       ##################################\n"
            "  enter_kernel           16.000 ms       #####################\n"
            "  kernel_finish          10.000 ms                            #############\n"
            "guest_init                2.000 ms                                         ###\n"
            "exec to ready            32.000 ms\n"
            "first entry to init      26.000 ms\n"
            "exited, exit status 7\n");
}

TEST(Waterfall, PhaseTooShortToSeeStillShows) {
  Report report;
  report.phases = {
      {"options", 0, 0}, {"workload", 0, 1'000'000'000}, {"shutdown", 1'000'000'000, 1'000'000'000}};
  const std::string text = waterfall(report);
  EXPECT_EQ(text.substr(0, text.find('\n')), "options                   0.000 ms  #");
  const std::size_t last = text.find("shutdown");
  EXPECT_EQ(text.substr(last, text.find('\n', last) - last),
            "shutdown                  0.000 ms  " + std::string(41, ' ') + "#");
}

TEST(Waterfall, UnfinishedPhaseIsDotted) {
  Report report;
  report.phases = {{"guest_kernel", 0, 1'000'000, Track::kGuest, true}};
  EXPECT_TRUE(waterfall(report).starts_with("guest_kernel... "));
}

TEST(Waterfall, RunWithoutPhasesIsALine) {
  Report report;
  report.facts.outcome = "failed";
  report.facts.exit_status = 125;
  EXPECT_EQ(waterfall(report), "failed, exit status 125\n");
}

}  // namespace
}  // namespace mayfly::boot
