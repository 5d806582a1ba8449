// SPDX-License-Identifier: Apache-2.0
#include "exits/report.hpp"

#include <algorithm>
#include <numeric>

#include "exits/exit_names.hpp"
#include "exits/table.hpp"
#include "exits/vm_processes.hpp"

namespace mayfly::exits {
namespace {

constexpr Group kAllGroups[] = {Group::kReason, Group::kUserExit,  Group::kVm,
                                Group::kVcpu,   Group::kPort,      Group::kMmio,
                                Group::kMsr,    Group::kHypercall, Group::kMsi};

std::string name_of_key(Group group, std::uint64_t key, Scope scope) {
  std::string name = name_of(group, key);
  if (key == kOtherKeys) {
    return name;
  }
  if (group == Group::kVm) {
    return name + " " + name_of_process("", static_cast<pid_t>(key));
  }
  return group == Group::kVcpu && scope == Scope::kHost ? std::to_string(key >> 32U) + ":" + name : name;
}

void sort_by_count(ReportGroup& group) {
  std::stable_sort(group.counts.begin(), group.counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
}

std::string rows(const ReportGroup& group, double seconds, std::size_t rows_max) {
  const std::size_t shown = std::min(group.counts.size(), rows_max);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& [name, count] = group.counts[i];
    text += table_row(name, {std::to_string(count), one_decimal(static_cast<double>(count) / seconds)});
  }
  if (shown < group.counts.size()) {
    const std::uint64_t left = std::accumulate(
        group.counts.begin() + static_cast<std::ptrdiff_t>(shown), group.counts.end(), std::uint64_t{0},
        [](std::uint64_t sum, const auto& each) { return sum + each.second; });
    text += table_row(std::to_string(group.counts.size() - shown) + " more",
                      {std::to_string(left), one_decimal(static_cast<double>(left) / seconds)});
  }
  return text;
}

}  // namespace

const ReportGroup& Report::group(std::string_view name) const noexcept {
  static const ReportGroup nothing;
  const auto found =
      std::find_if(groups.begin(), groups.end(), [&](const ReportGroup& each) { return each.name == name; });
  return found == groups.end() ? nothing : *found;
}

Report make_report(const Tally& tally, const KvmCounters& kvm, std::uint64_t duration_ns, Scope scope) {
  Report report{.duration_ns = duration_ns, .exits = tally.exits(), .lost = tally.lost(), .groups = {}};
  for (const Group group : kAllGroups) {
    ReportGroup& made = report.groups.emplace_back(ReportGroup{std::string(name_of(group)), {}});
    for (const auto& [key, count] : tally.counts(group)) {
      made.counts.emplace_back(name_of_key(group, key, scope), count);
    }
    sort_by_count(made);
  }
  ReportGroup& counters = report.groups.emplace_back(ReportGroup{"kvm", {kvm.begin(), kvm.end()}});
  sort_by_count(counters);
  return report;
}

std::string to_text(const Report& report, std::size_t rows_max) {
  const double seconds = seconds_of(report.duration_ns);
  std::string text = std::to_string(report.exits) + " exits in " + one_decimal(seconds) + " s, " +
                     one_decimal(static_cast<double>(report.exits) / seconds) + " a second";
  if (report.lost != 0) {
    text += "; " + std::to_string(report.lost) + " events more were lost, and are in no count but KVM's own";
  }
  text += '\n';
  for (const ReportGroup& group : report.groups) {
    if (!group.counts.empty()) {
      text += '\n' + table_row(title_of(group.name), {"COUNT", "A SECOND"}) + rows(group, seconds, rows_max);
    }
  }
  return text;
}

}  // namespace mayfly::exits
