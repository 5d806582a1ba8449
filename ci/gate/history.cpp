// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/history.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace mayfly::gate {
namespace {

// KVM's counters are many and seldom of interest later.
bool is_kept(const std::string& metric) { return !metric.starts_with("kvm.") || metric == "kvm.exits"; }

// Thousandths are enough, and keep a line short enough to be committed.
double rounded(double value) { return std::round(value * 1000) / 1000; }

HistoryEntry parse_entry(const std::string& where, std::string_view line) {
  const Json json = parse_json(where, line);
  ObjectReader reader(where, "", json);
  if (reader.count("version") != 1) {
    reader.refuse("version", "is not 1");
  }
  HistoryEntry entry;
  entry.at = reader.text("at");
  entry.label = reader.text("label");
  entry.mode = read_mode(reader, "mode");
  entry.fingerprint = parse_fingerprint(reader.object("fingerprint"));
  ObjectReader metrics = reader.object("metrics");
  for (const std::string& name : metrics.keys()) {
    std::vector<double>& values = entry.metrics[name];
    for (const Json& value : metrics.array(name.c_str())) {
      if (!value.is_number() || !(value.get<double>() >= 0)) {
        metrics.refuse(name, "holds what is no number of 0 or more");
      }
      values.push_back(value.get<double>());
    }
    if (values.empty()) {
      metrics.refuse(name, "is empty");
    }
  }
  reader.refuse_unknown();
  return entry;
}

}  // namespace

HistoryEntry entry_of(const Measurement& measurement) {
  return {measurement.taken_at, measurement.label, measurement.mode, measurement.fingerprint,
          metrics_of(measurement.samples)};
}

std::string to_line(const HistoryEntry& entry) {
  Json json;
  json["version"] = 1;
  json["at"] = entry.at;
  json["label"] = entry.label;
  json["mode"] = name(entry.mode);
  json["fingerprint"] = to_json(entry.fingerprint);
  json["metrics"] = Json::object();
  for (const auto& [name, values] : entry.metrics) {
    if (is_kept(name)) {
      Json& list = json["metrics"][name] = Json::array();
      std::ranges::transform(values, std::back_inserter(list), rounded);
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<HistoryEntry> parse_history(const std::string& file, std::string_view text) {
  std::vector<HistoryEntry> history;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (!line.empty()) {
      history.push_back(parse_entry(file + ", line " + std::to_string(line_number), line));
    }
  }
  if (history.empty()) {
    throw Error(file + " holds no history; begin one with mayfly-gate measure --append-history " + file);
  }
  return history;
}

std::vector<HistoryEntry> like(const std::vector<HistoryEntry>& history, Mode mode,
                               const Fingerprint& fingerprint) {
  std::vector<HistoryEntry> result;
  for (const HistoryEntry& entry : history) {
    if (entry.mode == mode && unlike(differences(entry.fingerprint, fingerprint), {}).empty()) {
      result.push_back(entry);
    }
  }
  return result;
}

}  // namespace mayfly::gate
