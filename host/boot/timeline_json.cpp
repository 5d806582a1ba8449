// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "boot/timeline_report.hpp"

namespace mayfly::boot {
namespace {

using Json = nlohmann::ordered_json;

Json counts_of(const std::vector<NamedCount>& counts) {
  Json json = Json::object();
  for (const NamedCount& each : counts) {
    json[each.name] = each.count;
  }
  return json;
}

Json phases_of(const std::vector<Phase>& phases) {
  Json json = Json::array();
  for (const Phase& phase : phases) {
    Json& each = json.emplace_back(Json{{"name", phase.name},
                                        {"track", name(phase.track)},
                                        {"begin_ns", phase.begin_ns},
                                        {"end_ns", phase.end_ns}});
    if (phase.unfinished) {
      each["unfinished"] = true;
    }
    if (phase.exits.has_value()) {
      each["exits"] = counts_of(*phase.exits);
    }
    if (phase.bytes_mapped.has_value()) {
      each["bytes_mapped"] = *phase.bytes_mapped;
    }
    if (phase.kvm_exits.has_value()) {
      each["kvm_exits"] = *phase.kvm_exits;
    }
    if (!phase.parts.empty()) {
      each["phases"] = phases_of(phase.parts);
    }
  }
  return json;
}

Json marks_of(const Report& report) {
  Json marks = Json::array();
  for (const PortMark& mark : report.marks) {
    marks.push_back({{"code", mark.code}, {"name", port_mark_name(mark.code)}, {"at_ns", mark.at_ns}});
  }
  return marks;
}

Json kvm_of(const Report& report) {
  Json kvm = Json::object();
  for (const auto& [name, count] : report.facts.kvm) {
    kvm[name] = count;
  }
  return kvm;
}

Json spans_of(const Report& report) {
  Json spans = Json::object();
  for (const Span& span : report.spans) {
    spans[span.name] = span.ns;
  }
  return spans;
}

/// The value at `key`; empty or 0 when it is not there or of another kind.
std::string string_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : nothing;
}

Track track_of(const Json& phase) {
  const std::string track = string_at(phase, "track");
  for (const Track each : {Track::kKernelLoader, Track::kOpener, Track::kPopulater, Track::kDmaMapper,
                           Track::kPrefaulter, Track::kGuest}) {
    if (track == name(each)) {
      return each;
    }
  }
  return Track::kMain;
}

std::optional<std::vector<NamedCount>> counts_in(const Json& object) {
  if (!object.is_object()) {
    return std::nullopt;
  }
  std::vector<NamedCount> counts;
  for (const auto& [name, count] : object.items()) {
    counts.push_back({name, count.is_number_unsigned() ? count.get<std::uint64_t>() : 0});
  }
  return counts;
}

std::optional<std::uint64_t> number_in(const Json& value) {
  return value.is_number_unsigned() ? std::optional(value.get<std::uint64_t>()) : std::nullopt;
}

// Phases have parts, and those have none: a file that is deeper is not ours.
std::vector<Phase> phases_in(const Json& array, int depth) {
  std::vector<Phase> phases;
  if (!array.is_array() || depth == 0) {
    return phases;
  }
  for (const Json& each : array) {
    const std::uint64_t begin = number_at(each, "begin_ns");
    Phase phase{string_at(each, "name"), begin, std::max(begin, number_at(each, "end_ns")), track_of(each)};
    phase.unfinished = member(each, "unfinished") == Json(true);
    phase.exits = counts_in(member(each, "exits"));
    phase.bytes_mapped = number_in(member(each, "bytes_mapped"));
    phase.kvm_exits = number_in(member(each, "kvm_exits"));
    phase.parts = phases_in(member(each, "phases"), depth - 1);
    phases.push_back(std::move(phase));
  }
  return phases;
}

}  // namespace

std::string to_json(const Report& report) {
  Json json;
  json["version"] = 1;
  json["outcome"] = report.facts.outcome;
  json["exit_status"] = report.facts.exit_status;
  json["clock"] = "CLOCK_MONOTONIC";
  json["exec_ns"] = report.exec.at_ns;
  json["exec_source"] = report.exec.source == ExecSource::kLauncher ? "launcher" : "cpu_clock";
  json["phases"] = phases_of(report.phases);
  json["marks"] = marks_of(report);
  json["marks_dropped"] = report.marks_dropped;
  json["exits"] = counts_of(report.facts.exits);
  json["kvm"] = kvm_of(report);
  json["memory"] = {{"pages", report.facts.pages}, {"bytes_populated", report.facts.bytes_populated}};
  if (report.facts.disks.has_value()) {
    json["disks"] = counts_of(*report.facts.disks);
  }
  if (report.facts.network.has_value()) {
    json["network"] = counts_of(*report.facts.network);
  }
  if (report.facts.sockets.has_value()) {
    json["sockets"] = counts_of(*report.facts.sockets);
  }
  if (report.facts.balloon.has_value()) {
    json["balloon"] = counts_of(*report.facts.balloon);
  }
  if (report.facts.prefault.has_value()) {
    json["prefault"] = counts_of(*report.facts.prefault);
  }
  if (report.facts.dma.has_value()) {
    json["dma"] = counts_of(*report.facts.dma);
  }
  json["spans"] = spans_of(report);
  // The outcome may quote a file name, which can be any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Report> from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || member(json, "version") != Json(1)) {
    return std::nullopt;
  }
  Report report;
  report.facts.outcome = string_at(json, "outcome");
  report.facts.exit_status = static_cast<int>(number_at(json, "exit_status") & 0xffU);
  report.exec.at_ns = number_at(json, "exec_ns");
  report.phases = phases_in(member(json, "phases"), 2);
  if (const Json& marks = member(json, "marks"); marks.is_array()) {
    for (const Json& mark : marks) {
      report.marks.push_back(
          {static_cast<std::uint8_t>(number_at(mark, "code") & 0xffU), number_at(mark, "at_ns")});
    }
  }
  for (const NamedCount& span : counts_in(member(json, "spans")).value_or(std::vector<NamedCount>())) {
    report.spans.push_back({span.name, span.count});
  }
  return report;
}

}  // namespace mayfly::boot
