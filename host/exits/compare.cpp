// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "exits/report.hpp"
#include "exits/table.hpp"

namespace mayfly::exits {
namespace {

/// One name's counts in both reports, by unit.
struct Row {
  std::string_view name;
  double base = 0;
  double next = 0;

  [[nodiscard]] double difference() const noexcept { return std::abs(next - base); }
};

/// What to divide a report's counts by.
double units_of(const Report& report) noexcept {
  return report.unit == Unit::kRun ? 1 : seconds_of(report.duration_ns);
}

std::string change(const Row& row) {
  if (row.base == row.next) {
    return "=";
  }
  if (row.base == 0 || row.next == 0) {
    return row.base == 0 ? "new" : "gone";
  }
  constexpr double kPercent = 100;
  const double percent = (row.next - row.base) / row.base * kPercent;
  return (percent > 0 ? "+" : "") + one_decimal(percent) + " %";
}

std::string to_line(const Row& row) {
  return table_row(row.name, {one_decimal(row.base), one_decimal(row.next), change(row)});
}

std::string compare_group(const ReportGroup& base, const ReportGroup& next, double base_units,
                          double next_units) {
  std::map<std::string_view, Row> by_name;
  for (const auto& [name, count] : base.counts) {
    by_name[name].base += static_cast<double>(count) / base_units;
  }
  for (const auto& [name, count] : next.counts) {
    by_name[name].next += static_cast<double>(count) / next_units;
  }
  std::vector<Row> rows;
  for (auto& [name, row] : by_name) {
    row.name = name;
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.difference() > b.difference(); });
  std::string text;
  for (const Row& row : rows) {
    text += to_line(row);
  }
  return text;
}

/// The names of all groups, those of `base` first.
std::vector<std::string_view> groups_of(const Report& base, const Report& next) {
  std::vector<std::string_view> names;
  for (const Report* const report : {&base, &next}) {
    for (const ReportGroup& group : report->groups) {
      if (std::find(names.begin(), names.end(), group.name) == names.end()) {
        names.emplace_back(group.name);
      }
    }
  }
  return names;
}

}  // namespace

std::string compare(const Report& base, const Report& next) {
  if (base.unit != next.unit) {
    throw Error(
        "one of the two is a report of `mayfly exits`, the other a timeline of a run: compare two of a kind");
  }
  const double base_units = units_of(base);
  const double next_units = units_of(next);
  const std::string unit = base.unit == Unit::kRun ? "A RUN" : "A SECOND";
  std::string text = table_row("EXITS, " + unit, {"BASE", "NEW", "CHANGE"}) +
                     to_line({"all", static_cast<double>(base.exits) / base_units,
                              static_cast<double>(next.exits) / next_units});
  for (const std::string_view name : groups_of(base, next)) {
    // Those of other processes are not the same ones.
    const std::string rows = compare_group(base.group(name), next.group(name), base_units, next_units);
    if (!rows.empty() && name != "vm") {
      text += '\n' + table_row(title_of(name), {"BASE", "NEW", "CHANGE"}) + rows;
    }
  }
  for (const auto& [report, which] : {std::pair(&base, "base"), std::pair(&next, "new")}) {
    if (report->lost != 0) {
      text += "\nOf the " + std::string(which) + " report " + std::to_string(report->lost) +
              " events were lost, and are in no count but KVM's own.\n";
    }
  }
  return text;
}

}  // namespace mayfly::exits
