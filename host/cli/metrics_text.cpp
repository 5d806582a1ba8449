// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "control/messages.hpp"

namespace mayfly::cli {
namespace {

using control::NumberKind;
using control::State;
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::array<State, 4> kAllStates{State::kStarting, State::kRunning, State::kPaused, State::kEnding};

/// The samples of all metrics. Those of one metric must stand together, in whichever order they come.
class Metrics {
 public:
  void add(const std::string& name, std::string_view help, NumberKind kind, const Labels& labels,
           const std::string& value) {
    auto family = std::ranges::find(families_, name, &Family::name);
    if (family == families_.end()) {
      family = families_.insert(family, {.name = name, .text = head(name, help, kind)});
    }
    family->text += name + labels_text(labels) + ' ' + value + '\n';
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const Family& family : families_) {
      text += family.text;
    }
    return text;
  }

 private:
  struct Family {
    std::string name;
    std::string text;
  };

  static std::string head(const std::string& name, std::string_view help, NumberKind kind) {
    return "# HELP " + name + ' ' + std::string(help) + "\n# TYPE " + name +
           (kind == NumberKind::kUpToNow ? " counter\n" : " gauge\n");
  }
  static std::string labels_text(const Labels& labels) {
    std::string text;
    for (const auto& [key, value] : labels) {
      text += text.empty() ? '{' : ',';
      text += std::string(key) + "=\"";
      for (const char c : value) {
        if (c == '\\' || c == '"') {
          text += '\\';
        }
        c == '\n' ? text += "\\n" : text += c;
      }
      text += '"';
    }
    return text + '}';
  }

  std::vector<Family> families_;
};

/// Exact, as no floating-point number of so many nanoseconds is.
std::string seconds_of(std::uint64_t ns) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return std::to_string(ns / kSecond) + '.' + std::to_string(kSecond + ns % kSecond).substr(1);
}

void add_vm(Metrics& metrics, const control::Status& status) {
  const Labels id{{"id", status.id}};
  const auto number = [&](const char* name, const char* help, const std::string& value) {
    metrics.add(name, help, NumberKind::kNow, id, value);
  };
  const std::string pid = std::to_string(status.pid);
  metrics.add("mayfly_vm_info", "A VM that runs.", NumberKind::kNow,
              {{"id", status.id}, {"image", status.image}, {"pages", status.pages}, {"pid", pid}}, "1");
  for (const State state : kAllStates) {
    metrics.add("mayfly_vm_state", "1 for the state that the VM is in.", NumberKind::kNow,
                {{"id", status.id}, {"state", name(state)}}, state == status.state ? "1" : "0");
  }
  number("mayfly_vm_uptime_seconds", "Since exec of mayfly.", seconds_of(status.uptime_ns));
  if (status.ready_ns) {
    number("mayfly_vm_ready_seconds", "From exec of mayfly until the guest was ready.",
           seconds_of(*status.ready_ns));
  }
  number("mayfly_vm_cpus", "CPUs of the guest.", std::to_string(status.cpus));
  number("mayfly_vm_memory_bytes", "Memory of the guest.", std::to_string(status.memory_bytes));
  number("mayfly_vm_memory_populated_bytes", "Of it, with host memory behind it.",
         std::to_string(status.populated_bytes));
  for (const control::StatusNumber& each : numbers_of_parts(status)) {
    const bool counts = each.kind == NumberKind::kUpToNow;
    std::string unit_name(each.name);
    const bool is_time = unit_name.ends_with("_ns");
    if (is_time) {
      unit_name.replace(unit_name.size() - 2, 2, "seconds");
    }
    metrics.add("mayfly_vm_" + std::string(each.part) + '_' + unit_name + (counts ? "_total" : ""),
                std::string(each.part) + "." + std::string(each.name) + " of mayfly status --json.",
                each.kind, id, is_time ? seconds_of(each.value) : std::to_string(each.value));
  }
  if (status.dma) {
    number("mayfly_vm_dma_failed", "1 when no more can be mapped for devices.",
           status.dma->failure.empty() ? "0" : "1");
  }
  for (const auto& [reason, count] : status.exits) {
    metrics.add("mayfly_vm_exits_total", "Exits of guest CPUs to mayfly.", NumberKind::kUpToNow,
                {{"id", status.id}, {"reason", reason}}, std::to_string(count));
  }
}

}  // namespace

std::string to_metrics(const std::vector<control::Status>& all) {
  Metrics metrics;
  for (const control::Status& status : all) {
    add_vm(metrics, status);
  }
  return metrics.text();
}

}  // namespace mayfly::cli
