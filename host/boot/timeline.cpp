// SPDX-License-Identifier: Apache-2.0
#include "boot/timeline.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace mayfly::boot {
namespace {

std::optional<Milestone> milestone_of(std::uint8_t code) noexcept {
  switch (code) {
    case 0x40:
      return Milestone::kKernelEntry;
    case 0x41:
      return Milestone::kExecInit;
    case 0x60:
      return Milestone::kInitStarted;
    case 0x61:
      return Milestone::kReady;
    case 0x62:
      return Milestone::kExited;
    default:
      return std::nullopt;
  }
}

}  // namespace

BootTimeline::BootTimeline(ExecTime exec) noexcept : exec_(exec) {
  for (auto& at : milestones_) {
    at.store(kUnset, std::memory_order_relaxed);
  }
  for (auto& mark : marks_) {
    mark.store(kUnset, std::memory_order_relaxed);
  }
  stamp(Milestone::kExec, 0);
}

std::uint64_t BootTimeline::since_exec_ns() const noexcept { return monotonic_ns() - exec_.at_ns; }

void BootTimeline::stamp(Milestone milestone, std::uint64_t since_exec_ns) noexcept {
  std::uint64_t unset = kUnset;
  milestones_[static_cast<std::size_t>(milestone)].compare_exchange_strong(unset, since_exec_ns,
                                                                           std::memory_order_relaxed);
}

std::uint64_t BootTimeline::mark(Milestone milestone) noexcept {
  const std::uint64_t at = since_exec_ns();
  stamp(milestone, at);
  return at;
}

void BootTimeline::note(Milestone milestone, std::uint64_t at_ns) noexcept {
  stamp(milestone, at_ns - std::min(at_ns, exec_.at_ns));
}

std::uint64_t BootTimeline::port_mark(std::uint8_t code) noexcept {
  const std::uint64_t at = since_exec_ns();
  const std::uint64_t index = marks_seen_.fetch_add(1, std::memory_order_relaxed);
  if (index < kPortMarksMax) {
    marks_[index].store(at << 8U | code, std::memory_order_relaxed);
  }
  if (const std::optional<Milestone> milestone = milestone_of(code)) {
    stamp(*milestone, at);
  }
  return at;
}

bool BootTimeline::reached(Milestone milestone) const noexcept {
  return milestones_[static_cast<std::size_t>(milestone)].load(std::memory_order_relaxed) != kUnset;
}

std::optional<std::uint64_t> BootTimeline::time_of(Milestone milestone) const noexcept {
  const std::uint64_t at = milestones_[static_cast<std::size_t>(milestone)].load(std::memory_order_relaxed);
  return at == kUnset ? std::nullopt : std::optional(at);
}

Report BootTimeline::report(RunFacts facts) const {
  Report report;
  report.facts = std::move(facts);
  report.exec = exec_;
  for (std::size_t i = 0; i < kMilestones; ++i) {
    if (const std::uint64_t at = milestones_[i].load(std::memory_order_relaxed); at != kUnset) {
      report.milestones[i] = at;
    }
  }
  for (const auto& slot : marks_) {
    if (const std::uint64_t mark = slot.load(std::memory_order_relaxed); mark != kUnset) {
      report.marks.push_back({static_cast<std::uint8_t>(mark & 0xffU), mark >> 8U});
    }
  }
  const std::uint64_t seen = marks_seen_.load(std::memory_order_relaxed);
  report.marks_dropped = seen > kPortMarksMax ? seen - kPortMarksMax : 0;
  derive(report);
  return report;
}

}  // namespace mayfly::boot
