// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "boot/timeline_report.hpp"

namespace mayfly::boot {
namespace {

using Json = nlohmann::ordered_json;

// Invented: the trace is about one run, so its numbers need only differ. BEWARE: Perfetto's importer names
// threads by tid alone, whatever their pid.
constexpr int kHost = 1;
constexpr int kGuest = 10;

struct Thread {
  int pid;
  int tid;
  std::string_view name;
};
constexpr Thread kMainThread{kHost, 1, "main"};
constexpr Thread kLoaderThread{kHost, 2, "kernel loader"};
constexpr Thread kVcpuThreads{kHost, 3, "vCPUs"};
constexpr Thread kOpenerThreads{kHost, 4, "device openers"};
constexpr Thread kMapperThread{kHost, 5, "DMA mapper"};
constexpr Thread kPopulateThreads{kHost, 6, "populating"};
constexpr Thread kPrefaultThreads{kHost, 7, "prefaulting"};
constexpr Thread kGuestPhases{kGuest, 10, "boot phases"};
constexpr Thread kGuestMarks{kGuest, 11, "marks (port 0x80)"};

Json metadata(std::string_view what, int pid, int tid, std::string_view name) {
  return {{"ph", "M"}, {"name", what}, {"pid", pid}, {"tid", tid}, {"args", {{"name", name}}}};
}

/// The importer multiplies by 1000 and cuts what is below a nanosecond: with a quarter more it gets our
/// number, and phases that follow each other do not overlap.
double to_us(std::uint64_t ns) { return (static_cast<double>(ns) + 0.25) / 1e3; }

Json event(const char* type, const Thread& thread, std::string_view name, std::uint64_t at_ns) {
  return {{"ph", type}, {"name", name}, {"pid", thread.pid}, {"tid", thread.tid}, {"ts", to_us(at_ns)}};
}

const Thread& thread_of(Track track) noexcept {
  switch (track) {
    case Track::kMain:
      return kMainThread;
    case Track::kKernelLoader:
      return kLoaderThread;
    case Track::kOpener:
      return kOpenerThreads;
    case Track::kPopulater:
      return kPopulateThreads;
    case Track::kDmaMapper:
      return kMapperThread;
    case Track::kPrefaulter:
      return kPrefaultThreads;
    case Track::kGuest:
      break;
  }
  return kGuestPhases;
}

class Trace {
 public:
  void add_names() {
    events_.push_back(metadata("process_name", kHost, kMainThread.tid, "mayfly"));
    events_.push_back(metadata("process_name", kGuest, kGuestPhases.tid, "guest"));
    for (const Thread& each : {kMainThread, kLoaderThread, kVcpuThreads, kOpenerThreads, kPopulateThreads,
                               kMapperThread, kPrefaultThreads, kGuestPhases, kGuestMarks}) {
      events_.push_back(metadata("thread_name", each.pid, each.tid, each.name));
    }
  }

  void add_slice(const Thread& thread, std::string_view name, std::uint64_t begin_ns, std::uint64_t end_ns,
                 Json args) {
    Json& slice = events_.emplace_back(event("X", thread, name, begin_ns));
    slice["dur"] = to_us(end_ns - begin_ns);
    if (!args.empty()) {
      slice["args"] = std::move(args);
    }
  }

  void add_phase(const Phase& phase) {
    Json args = Json::object();
    if (phase.unfinished) {
      args["unfinished"] = true;
    }
    if (phase.bytes_mapped.has_value()) {
      args["bytes_mapped"] = *phase.bytes_mapped;
    }
    if (phase.kvm_exits.has_value()) {
      args["kvm_exits"] = *phase.kvm_exits;
    }
    if (phase.exits.has_value()) {
      args["exits"] = Json::object();
      for (const NamedCount& each : *phase.exits) {
        args["exits"][each.name] = each.count;
      }
    }
    add_slice(thread_of(phase.track), phase.name, phase.begin_ns, phase.end_ns, std::move(args));
    for (const Phase& part : phase.parts) {
      add_phase(part);
    }
  }

  void add_mark(const PortMark& mark) {
    Json& instant = events_.emplace_back(event("i", kGuestMarks, port_mark_name(mark.code), mark.at_ns));
    instant["s"] = "t";
    instant["args"] = {{"code", mark.code}};
  }

  /// Exits so far, at the end of each phase; of a phase with parts, at theirs.
  void add_exits(const Phase& phase) {
    for (const Phase& part : phase.parts) {
      add_exits(part);
    }
    if (phase.parts.empty() && phase.exits.has_value()) {
      Json& counter = events_.emplace_back(event("C", kVcpuThreads, "exits", phase.end_ns));
      for (const NamedCount& each : *phase.exits) {
        counter["args"][each.name] = exits_[each.name] = number(exits_, each.name) + each.count;
      }
    }
  }

  [[nodiscard]] std::string text() const {
    const Json trace = {{"traceEvents", events_}};
    return trace.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  static std::uint64_t number(const Json& object, const std::string& key) {
    return object.contains(key) ? object[key].get<std::uint64_t>() : 0;
  }

  Json events_ = Json::array();
  Json exits_ = Json::object();
};

}  // namespace

std::string to_perfetto(const Report& report) {
  Trace trace;
  trace.add_names();
  // BEWARE: no "displayTimeUnit": importers before 2023 read "ns" as the unit of ts.
  for (const Phase& phase : report.phases) {
    trace.add_phase(phase);
    if (phase.name == "shutdown" && phase.track == Track::kMain) {
      const auto entry = report.span("exec_to_first_entry_ns");
      if (entry.has_value() && *entry <= phase.end_ns) {
        trace.add_slice(kVcpuThreads, "run", *entry, phase.end_ns, Json::object());
      }
    }
  }
  for (const Phase& phase : report.phases) {
    trace.add_exits(phase);
  }
  for (const PortMark& mark : report.marks) {
    trace.add_mark(mark);
  }
  return trace.text();
}

}  // namespace mayfly::boot
