// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "exits/report.hpp"

namespace mayfly::exits {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVersionKey = "mayfly_exits";
constexpr int kVersion = 1;

[[noreturn]] void refuse(std::string_view name, const std::string& why) {
  throw Error(std::string(name) +
              " is neither a report of `mayfly exits --json` nor a timeline of `mayfly run`: " + why);
}

std::uint64_t number_at(std::string_view name, const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) {
    refuse(name, std::string("it has no number \"") + key + "\"");
  }
  return found->get<std::uint64_t>();
}

/// A group of counts, each a number that is not negative.
ReportGroup group_in(std::string_view name, const std::string& group, const Json& counts) {
  if (!counts.is_object()) {
    refuse(name, "\"" + group + "\" is no object");
  }
  ReportGroup read{group, {}};
  for (const auto& [key, count] : counts.items()) {
    if (!count.is_number_unsigned()) {
      refuse(name, "\"" + group + "\" has a count that is no number");
    }
    read.counts.emplace_back(key, count.get<std::uint64_t>());
  }
  return read;
}

/// Of a timeline (host/boot/TIMELINE.md): exits to mayfly by its own count, and KVM's counters.
Report timeline_in(std::string_view name, const Json& json) {
  Report report{.unit = Unit::kRun, .groups = {}};
  for (const auto& [from, to] : {std::pair("exits", "vmm"), std::pair("kvm", "kvm")}) {
    if (json.contains(from)) {
      report.groups.push_back(group_in(name, to, json[from]));
    }
  }
  for (const auto& [reason, count] : report.group("vmm").counts) {
    report.exits += count;
  }
  return report;
}

}  // namespace

std::string to_json(const Report& report) {
  Json json{{kVersionKey, kVersion},
            {"duration_ns", report.duration_ns},
            {"exits", report.exits},
            {"lost", report.lost},
            {"counts", Json::object()}};
  for (const ReportGroup& group : report.groups) {
    Json& counts = json["counts"][group.name] = Json::object();
    for (const auto& [name, count] : group.counts) {
      counts[name] = count;
    }
  }
  // The name of a process may hold any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Report parse_report(std::string_view name, std::string_view text) {
  if (text.size() > kReportBytesMax) {
    refuse(name, "it is too large");
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    refuse(name, "it is no JSON object, or cut off");
  }
  if (!json.contains(kVersionKey)) {
    if (json.value("clock", Json()) == "CLOCK_MONOTONIC" && json.contains("exits")) {
      return timeline_in(name, json);
    }
    refuse(name, "it does not begin with \"mayfly_exits\"");
  }
  if (json[kVersionKey] != kVersion) {
    refuse(name, "this mayfly reads \"mayfly_exits\": 1 only");
  }
  Report report{.duration_ns = number_at(name, json, "duration_ns"),
                .exits = number_at(name, json, "exits"),
                .lost = number_at(name, json, "lost"),
                .groups = {}};
  const auto counts = json.find("counts");
  if (counts == json.end() || !counts->is_object()) {
    refuse(name, "it has no \"counts\"");
  }
  for (const auto& [group, each] : counts->items()) {
    report.groups.push_back(group_in(name, group, each));
  }
  return report;
}

}  // namespace mayfly::exits
