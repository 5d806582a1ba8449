// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "boot/timeline.hpp"

namespace mayfly::boot {
namespace {

void set(Report& report, Milestone milestone, std::uint64_t at) {
  report.milestones[static_cast<std::size_t>(milestone)] = at;
}

// A run whose guest has written these marks, from the first entry at 100 to its end at 1000.
Report run_with(std::vector<PortMark> marks) {
  Report report;
  set(report, Milestone::kExec, 0);
  set(report, Milestone::kFirstEntry, 100);
  set(report, Milestone::kEnded, 1000);
  set(report, Milestone::kVmDown, 1010);
  for (const PortMark& mark : marks) {
    const auto milestone = mark.code == 0x60   ? Milestone::kInitStarted
                           : mark.code == 0x61 ? Milestone::kReady
                                               : Milestone::kExited;
    if (mark.code >= 0x60 && mark.code <= 0x62 && !report.at(milestone)) {
      set(report, milestone, mark.at_ns);
    }
  }
  report.marks = std::move(marks);
  derive(report);
  return report;
}

// "name begin-end", unfinished ones with dots, each part after a slash.
std::vector<std::string> described(const std::vector<Phase>& phases, const std::string& prefix = "") {
  std::vector<std::string> all;
  for (const Phase& phase : phases) {
    all.push_back(prefix + phase.name + " " + std::to_string(phase.begin_ns) + "-" +
                  std::to_string(phase.end_ns) + (phase.unfinished ? "..." : ""));
    for (std::string& part : described(phase.parts, "/")) {
      all.push_back(std::move(part));
    }
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST(Phases, KernelMarksDivideTheKernelsPhase) {
  EXPECT_EQ(
      described(
          run_with(
              {{0x40, 110}, {0x42, 120}, {0x48, 300}, {0x41, 490}, {0x60, 500}, {0x61, 600}, {0x62, 900}})
              .phases),
      (Lines{"enter 0-100", "guest_kernel 100-500", "/enter_kernel 100-110", "/kernel_entry 110-120",
             "/kernel_core 120-300", "/initcalls_pure 300-490", "/exec_init 490-500", "guest_init 500-600",
             "workload 600-900", "finish 900-1000", "shutdown 1000-1010"}));
}

TEST(Phases, KernelWithoutMarksIsOnePhase) {
  EXPECT_TRUE(run_with({{0x60, 500}}).phases.at(1).parts.empty());
}

TEST(Phases, RunThatEndsEarlyLeavesAnUnfinishedPhaseAndItsPart) {
  EXPECT_EQ(described(run_with({{0x40, 110}, {0x50, 200}}).phases),
            (Lines{"enter 0-100", "guest_kernel 100-1000...", "/enter_kernel 100-110",
                   "/kernel_entry 110-200", "/mount_root 200-1000...", "shutdown 1000-1010"}));
  EXPECT_EQ(described(run_with({{0x60, 500}, {0x61, 600}}).phases).at(3), "workload 600-1000...");
}

TEST(Phases, MarkThatComesAfterTheEndMakesNoPhase) {
  EXPECT_EQ(described(run_with({{0x60, 500}, {0x61, 600}, {0x62, 1005}}).phases),
            (Lines{"enter 0-100", "guest_kernel 100-500", "guest_init 500-600", "workload 600-1000...",
                   "shutdown 1000-1010"}));
}

TEST(Phases, MarksOutOfOrderAndRepeatedAreNeverNegative) {
  const Report report = run_with({{0x62, 200},
                                  {0x61, 300},
                                  {0x41, 310},
                                  {0x41, 320},
                                  {0x40, 350},
                                  {0x41, 355},
                                  {0x60, 400},
                                  {0x42, 450},
                                  {0x40, 460}});
  EXPECT_EQ(described(report.phases),
            (Lines{"enter 0-100", "workload 100-200", "guest_init 200-300", "guest_kernel 300-400",
                   "/enter_kernel 300-310", "/exec_init 310-350", "/kernel_entry 350-400", "finish 400-1000",
                   "shutdown 1000-1010"}));
}

TEST(Phases, KernelSpanIsThatFromEntryToExec) {
  BootTimeline timeline{ExecTime{}};
  timeline.port_mark(0x40);
  EXPECT_FALSE(timeline.report({}).span("kernel_entry_to_userspace_ns").has_value());
  timeline.port_mark(0x41);
  const Report report = timeline.report({});
  EXPECT_EQ(report.span("kernel_entry_to_userspace_ns"), report.marks[1].at_ns - report.marks[0].at_ns);
}

TEST(Phases, KernelSpanThatRunsBackwardsIsLeftOut) {
  Report report;
  set(report, Milestone::kKernelEntry, 20);
  set(report, Milestone::kExecInit, 10);
  derive(report);
  EXPECT_EQ(report.span("kernel_entry_to_userspace_ns"), std::nullopt);
}

TEST(Phases, WorkBesideTheGuestThatTheEndCutShortIsUnfinished) {
  Report report = run_with({{0x60, 500}, {0x61, 600}});
  set(report, Milestone::kPopulateBegin, 20);
  set(report, Milestone::kPopulateEnd, 700);
  set(report, Milestone::kDmaMapBegin, 30);
  set(report, Milestone::kDmaSettled, 400);
  derive(report);
  Lines lines = described(report.phases);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ((Lines{lines.end() - 2, lines.end()}), (Lines{"dma_populate 20-700", "dma_map 30-1000..."}));
  EXPECT_EQ(report.span("exec_to_dma_settled_ns"), 400U);
  EXPECT_EQ(report.span("exec_to_fully_mapped_ns"), std::nullopt);
  set(report, Milestone::kDmaMapEnd, 800);
  derive(report);
  EXPECT_EQ(described(report.phases).back(), "dma_map 30-800");
  EXPECT_EQ(report.span("exec_to_fully_mapped_ns"), 800U);
}

TEST(Phases, FloodOfMarksDoesNotHideReadiness) {
  BootTimeline timeline{ExecTime{}};
  timeline.mark(Milestone::kFirstEntry);
  for (std::size_t i = 0; i < BootTimeline::kPortMarksMax; ++i) {
    timeline.port_mark(0x42);
  }
  timeline.port_mark(0x61);
  const Report report = timeline.report({});
  EXPECT_TRUE(report.span("exec_to_ready_ns").has_value());
  EXPECT_EQ(report.phases.size(), 2U);
}

TEST(Phases, SamplesGiveExitsAndBytesOfEachPhase) {
  Report report = run_with({{0x40, 200}, {0x60, 500}});
  report.facts.exits = {{"port_out", 9}, {"mmio_read", 8}};
  report.facts.samples = {{200, {1, 2}, 4096, 20}, {500, {5, 4}, 2048, 50}, {1000, {6, 8}, 8192}};
  derive(report);
  const Phase& kernel = report.phases.at(1);
  ASSERT_TRUE(kernel.exits.has_value());
  EXPECT_EQ(kernel.exits->at(0).name, "port_out");
  EXPECT_EQ(kernel.exits->at(0).count, 5U);
  EXPECT_EQ(kernel.bytes_mapped, 2048U);
  EXPECT_EQ(kernel.kvm_exits, 50U);
  EXPECT_EQ(kernel.parts.at(1).kvm_exits, 30U);
  EXPECT_EQ(report.phases.at(2).kvm_exits, std::nullopt) << "not counted at its end";
  EXPECT_EQ(kernel.parts.at(0).exits->at(1).count, 2U);
  EXPECT_EQ(kernel.parts.at(1).exits->at(0).count, 4U);
  EXPECT_EQ(kernel.parts.at(1).bytes_mapped, std::nullopt) << "it shrank";
  EXPECT_EQ(report.phases.at(2).exits->at(1).count, 4U);
  EXPECT_FALSE(report.phases.at(0).exits.has_value()) << "the host's own phase";
  EXPECT_FALSE(report.phases.at(3).exits.has_value()) << "no sample at its end";
}

TEST(Phases, SamplesThatWereTakenInTheWrongOrderCountNothing) {
  Report report = run_with({{0x40, 200}, {0x60, 500}});
  report.facts.exits = {{"port_out", 9}};
  report.facts.samples = {{200, {5}, {}}, {500, {4}, {}}};
  derive(report);
  EXPECT_FALSE(report.phases.at(1).parts.at(1).exits.has_value());
}

}  // namespace
}  // namespace mayfly::boot
