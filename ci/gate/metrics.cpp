// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/metrics.hpp"

namespace mayfly::gate {
namespace {

constexpr double kMillion = 1e6;
constexpr double kBytesPerMiB = 1048576;

std::map<std::string, double> figures_of(const Sample& sample) {
  std::map<std::string, double> figures;
  for (const auto& [name, ns] : sample.spans_ns) {
    figures["span." + name] = static_cast<double>(ns) / kMillion;
  }
  for (const Phase& phase : sample.phases) {
    // Phases of one name add up.
    figures["phase." + phase.name] += static_cast<double>(phase.end_ns - phase.begin_ns) / kMillion;
  }
  double total = 0;
  for (const auto& [reason, count] : sample.exits) {
    figures["exits." + reason] = static_cast<double>(count);
    total += static_cast<double>(count);
  }
  figures["exits.total"] = total;
  for (const auto& [counter, count] : sample.kvm) {
    figures["kvm." + counter] = static_cast<double>(count);
  }
  figures["memory.resident"] = static_cast<double>(sample.resident_bytes) / kBytesPerMiB;
  figures["memory.guest"] = static_cast<double>(sample.guest_bytes) / kBytesPerMiB;
  return figures;
}

bool is_count(const std::string& metric) {
  return metric.starts_with("exits.") || metric.starts_with("kvm.");
}

}  // namespace

std::string_view name(Mode mode) noexcept { return mode == Mode::kWall ? "wall" : "counted"; }

Metrics metrics_of(const std::vector<Sample>& samples) {
  std::vector<std::map<std::string, double>> boots;
  Metrics metrics;
  for (const Sample& sample : samples) {
    boots.push_back(figures_of(sample));
    for (const auto& [name, value] : boots.back()) {
      metrics[name];
    }
  }
  for (auto metric = metrics.begin(); metric != metrics.end();) {
    for (const auto& boot : boots) {
      if (const auto found = boot.find(metric->first); found != boot.end()) {
        metric->second.push_back(found->second);
      } else if (is_count(metric->first)) {
        metric->second.push_back(0);
      }
    }
    metric = metric->second.size() == boots.size() ? std::next(metric) : metrics.erase(metric);
  }
  return metrics;
}

std::string unit_of(const std::string& metric, Mode mode) {
  if (metric.starts_with("memory.")) {
    return "MiB";
  }
  if (is_count(metric)) {
    return "";
  }
  return mode == Mode::kWall ? "ms" : "Minsn";
}

}  // namespace mayfly::gate
