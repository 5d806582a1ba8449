// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "boot/timeline_report.hpp"

namespace mayfly::boot {
namespace {

struct Step {
  Milestone end;
  std::string_view name;
  Track track;
};

// The main thread's and then the guest's steps. Each begins where the one before it ended, in order of time:
// the order here does not matter.
constexpr std::array kSteps = {
    Step{Milestone::kMain, "process_start", Track::kMain},
    Step{Milestone::kOptions, "options", Track::kMain},
    Step{Milestone::kOpened, "open", Track::kMain},
    Step{Milestone::kVmCreated, "vm_create", Track::kMain},
    Step{Milestone::kMemoryReady, "memory", Track::kMain},
    Step{Milestone::kDevicesReady, "devices", Track::kMain},
    Step{Milestone::kCpuReady, "cpus", Track::kMain},
    Step{Milestone::kPassedReady, "passthrough", Track::kMain},
    Step{Milestone::kPrefaulted, "prefault", Track::kMain},
    Step{Milestone::kFirstEntry, "enter", Track::kMain},
    Step{Milestone::kInitStarted, "guest_kernel", Track::kGuest},
    Step{Milestone::kReady, "guest_init", Track::kGuest},
    Step{Milestone::kExited, "workload", Track::kGuest},
    Step{Milestone::kVmDown, "shutdown", Track::kMain},
    Step{Milestone::kFactsRead, "timeline", Track::kMain},
    Step{Milestone::kTornDown, "teardown", Track::kMain},
};

/// What other threads do meanwhile.
struct Aside {
  Milestone begin;
  Milestone end;
  std::string_view name;
  Track track;
};
constexpr std::array kAsides = {
    Aside{Milestone::kAskKvmBegin, Milestone::kAskKvmEnd, "ask_kvm", Track::kKernelLoader},
    Aside{Milestone::kKernelReadBegin, Milestone::kKernelReadEnd, "kernel_read", Track::kKernelLoader},
    Aside{Milestone::kOpenBegin, Milestone::kOpenEnd, "open_devices", Track::kOpener},
    Aside{Milestone::kPopulateBegin, Milestone::kPopulateEnd, "dma_populate", Track::kPopulater},
    Aside{Milestone::kDmaMapBegin, Milestone::kDmaMapEnd, "dma_map", Track::kDmaMapper},
    Aside{Milestone::kPrefaultBegin, Milestone::kPrefaultEnd, "populate", Track::kPrefaulter},
};

struct SpanEnds {
  std::string_view name;
  Milestone begin;
  Milestone end;
};
constexpr std::array kSpans = {
    SpanEnds{"exec_to_first_entry_ns", Milestone::kExec, Milestone::kFirstEntry},
    SpanEnds{"first_entry_to_init_ns", Milestone::kFirstEntry, Milestone::kInitStarted},
    SpanEnds{"kernel_entry_to_userspace_ns", Milestone::kKernelEntry, Milestone::kExecInit},
    SpanEnds{"init_to_ready_ns", Milestone::kInitStarted, Milestone::kReady},
    SpanEnds{"exec_to_ready_ns", Milestone::kExec, Milestone::kReady},
    SpanEnds{"exec_to_dma_settled_ns", Milestone::kExec, Milestone::kDmaSettled},
    SpanEnds{"exec_to_fully_mapped_ns", Milestone::kExec, Milestone::kDmaMapEnd},
    SpanEnds{"ready_to_exited_ns", Milestone::kReady, Milestone::kExited},
    SpanEnds{"exited_to_down_ns", Milestone::kExited, Milestone::kVmDown},
    SpanEnds{"exec_to_down_ns", Milestone::kExec, Milestone::kVmDown},
    SpanEnds{"exec_to_torn_down_ns", Milestone::kExec, Milestone::kTornDown},
};

bool is_guests(Milestone milestone) noexcept {
  return milestone == Milestone::kInitStarted || milestone == Milestone::kReady ||
         milestone == Milestone::kExited;
}

/// True when the guest reached `milestone` before the run was over.
bool in_time(const Report& report, Milestone milestone) noexcept {
  const auto at = report.at(milestone);
  const auto ended = report.at(Milestone::kEnded);
  return at.has_value() && (!ended.has_value() || *at <= *ended);
}

/// What the run's end ended: the guest's unfinished phase, or mayfly's own after the workload's.
Phase last_of_run(const Report& report, std::uint64_t ended) {
  if (in_time(report, Milestone::kExited)) {
    return {"finish", 0, ended};
  }
  for (const Step& step : kSteps) {
    if (is_guests(step.end) && !in_time(report, step.end)) {
      return {std::string(step.name), 0, ended, step.track, /*unfinished=*/true};
    }
  }
  return {"finish", 0, ended};
}

std::vector<Phase> steps_of(const Report& report) {
  std::vector<Phase> phases;
  for (const Step& step : kSteps) {
    const auto end = report.at(step.end);
    if (end && (!is_guests(step.end) || in_time(report, step.end))) {
      phases.push_back({std::string(step.name), 0, *end, step.track});
    }
  }
  if (const auto ended = report.at(Milestone::kEnded)) {
    phases.push_back(last_of_run(report, *ended));
  }
  std::ranges::stable_sort(phases, {}, &Phase::end_ns);
  std::uint64_t begin = 0;
  for (Phase& phase : phases) {
    phase.begin_ns = std::exchange(begin, phase.end_ns);
  }
  return phases;
}

/// The kernel's marks within the phase, as parts of it: each lasts until the next one. Of marks with one code
/// the first counts.
std::vector<Phase> kernel_parts(const Report& report, const Phase& kernel) {
  std::vector<Phase> parts{{"enter_kernel", kernel.begin_ns, kernel.end_ns, kernel.track}};
  std::array<bool, 256> seen{};
  std::vector<PortMark> marks = report.marks;
  std::ranges::stable_sort(marks, {}, &PortMark::at_ns);
  for (const PortMark& mark : marks) {
    if (is_kernel_mark(mark.code) && !std::exchange(seen[mark.code], true) && mark.at_ns >= kernel.begin_ns &&
        mark.at_ns <= kernel.end_ns) {
      parts.back().end_ns = mark.at_ns;
      parts.push_back({std::string(port_mark_name(mark.code)), mark.at_ns, kernel.end_ns, kernel.track});
    }
  }
  if (parts.size() == 1) {
    return {};
  }
  parts.back().unfinished = kernel.unfinished;
  return parts;
}

/// The sample taken at that time; at the first entry everything is 0.
std::optional<Sample> sample_at(const Report& report, std::uint64_t at) {
  const auto found = std::ranges::find(report.facts.samples, at, &Sample::at_ns);
  if (found != report.facts.samples.end()) {
    return *found;
  }
  if (!report.facts.samples.empty() && report.at(Milestone::kFirstEntry) == at) {
    return Sample{at, {}, 0, 0};
  }
  return std::nullopt;
}

/// How much it grew; nothing where that is not known, or it shrank.
std::optional<std::uint64_t> growth(std::optional<std::uint64_t> before,
                                    std::optional<std::uint64_t> after) noexcept {
  return before && after && *before <= *after ? std::optional(*after - *before) : std::nullopt;
}

void count(const Report& report, Phase& phase) {
  const auto before = sample_at(report, phase.begin_ns);
  const auto after = sample_at(report, phase.end_ns);
  if (before && after) {
    std::vector<NamedCount> exits;
    bool grew = true;
    for (std::size_t i = 0; i < std::min(report.facts.exits.size(), kExitReasonsMax); ++i) {
      // Samples of two vCPUs that mark at once may be in either order.
      grew = grew && before->exits[i] <= after->exits[i];
      exits.push_back({report.facts.exits[i].name, after->exits[i] - before->exits[i]});
    }
    if (grew) {
      phase.exits = std::move(exits);
    }
    // It shrinks when the host takes mappings apart.
    phase.bytes_mapped = growth(before->bytes_mapped, after->bytes_mapped);
    phase.kvm_exits = growth(before->kvm_exits, after->kvm_exits);
  }
  for (Phase& part : phase.parts) {
    count(report, part);
  }
}

}  // namespace

void derive(Report& report) {
  report.phases = steps_of(report);
  for (Phase& phase : report.phases) {
    if (phase.name == "guest_kernel") {
      phase.parts = kernel_parts(report, phase);
    }
    count(report, phase);
  }
  for (const Aside& aside : kAsides) {
    const auto begin = report.at(aside.begin);
    const auto end = report.at(aside.end);
    // What the end of the run cut short has none of its own.
    const auto last = end ? end : report.at(Milestone::kEnded);
    if (begin && last && *begin <= *last) {
      report.phases.push_back(
          {std::string(aside.name), *begin, *last, aside.track, /*unfinished=*/!end.has_value()});
    }
  }
  report.spans.clear();
  for (const SpanEnds& span : kSpans) {
    const auto begin = report.at(span.begin);
    const auto end = report.at(span.end);
    // A guest may write its marks in any order: only spans that make sense are told.
    if (begin && end && *begin <= *end) {
      report.spans.push_back({std::string(span.name), *end - *begin});
    }
  }
}

std::optional<std::uint64_t> Report::span(std::string_view name) const noexcept {
  const auto found = std::ranges::find(spans, name, &Span::name);
  return found == spans.end() ? std::nullopt : std::optional(found->ns);
}

std::string_view name(Track track) noexcept {
  switch (track) {
    case Track::kMain:
      return "main";
    case Track::kKernelLoader:
      return "kernel_loader";
    case Track::kOpener:
      return "opener";
    case Track::kPopulater:
      return "populater";
    case Track::kDmaMapper:
      return "dma_mapper";
    case Track::kPrefaulter:
      return "prefaulter";
    case Track::kGuest:
      break;
  }
  return "guest";
}

}  // namespace mayfly::boot
