// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/html_report.hpp"

#include <algorithm>

#include "ci/gate/html_style.hpp"
#include "ci/gate/svg.hpp"

namespace mayfly::gate {
namespace {

constexpr std::size_t kHistoryShown = 60;
constexpr std::size_t kMovesShown = 12;

std::string class_of(Verdict verdict) {
  return verdict == Verdict::kPass ? "pass" : verdict == Verdict::kFail ? "fail" : "unsure";
}

std::string tag(const std::string& name, const std::string& inner, const std::string& style = "") {
  return "<" + name + (style.empty() ? "" : " class=\"" + style + "\"") + ">" + inner + "</" + name + ">";
}

std::string section(const std::string& title, const std::string& inner) {
  return "<section>" + tag("h2", escape(title)) + inner + "</section>\n";
}

std::string table_row(const std::vector<std::string>& cells, const char* cell) {
  std::string text;
  for (const std::string& each : cells) {
    text += std::string("<") + cell + (cell[1] == 'h' ? " scope=\"col\">" : ">") + each + "</" + cell + ">";
  }
  return tag("tr", text);
}

std::string header(const Findings& findings) {
  std::string heading = findings.title;
  std::string style;
  if (findings.verdict) {
    heading = std::string(name(*findings.verdict)) + ": " + heading;
    style = class_of(*findings.verdict);
  }
  const Measurement& measurement = findings.measurement;
  std::string line = std::to_string(measurement.samples.size()) + " boots, " +
                     std::string(name(measurement.mode)) + ", taken " + measurement.taken_at;
  if (!measurement.label.empty()) {
    line += ", " + measurement.label;
  }
  std::string text = tag("h1", escape(heading)) + tag("p", escape(line), "muted");
  if (findings.runs_needed && findings.verdict == Verdict::kNotEnoughEvidence) {
    text += tag("p", "About " + std::to_string(*findings.runs_needed) + " boots would decide.");
  }
  return tag("header", text, style) + "\n";
}

std::string checks(const Findings& findings) {
  if (findings.checks.empty()) {
    return "";
  }
  std::string rows = table_row({"Check", "Verdict", "Found"}, "th");
  for (const Check& check : findings.checks) {
    const Verdict verdict = check.judgement.verdict;
    rows +=
        table_row({escape(name_of(check)), tag("span", escape(name(verdict)), "verdict " + class_of(verdict)),
                   escape(sentence_of(check, findings.measurement.mode))},
                  "td");
  }
  return section("Checks", tag("table", rows));
}

std::string causes(const Findings& findings) {
  std::string items;
  for (const std::string& cause : findings.causes) {
    items += tag("li", escape(cause));
  }
  return items.empty() ? "" : section("Where, and why", tag("ul", items));
}

std::string legend(const Findings& findings, const char* limit) {
  return tag("p",
             "<span class=\"key now\"></span>now" +
                 std::string(findings.base ? "<span class=\"key base\"></span>base" : "") +
                 (*limit == '\0' ? "" : "<span class=\"key limit\"></span>" + std::string(limit)),
             "muted");
}

std::string waterfall(const Findings& findings) {
  const std::vector<Bar> now = bars_of(findings.measurement.samples);
  if (now.empty()) {
    return "";
  }
  const std::vector<Bar> base = findings.base ? bars_of(findings.base->samples) : std::vector<Bar>();
  return section(
      "The median boot",
      legend(findings, "") + waterfall_svg(now, base, unit_of("span.", findings.measurement.mode)));
}

std::vector<double> limits_of(const Findings& findings, const std::string& metric) {
  std::vector<double> limits;
  for (const Check& check : findings.checks) {
    if (check.metric == metric && check.kind == CheckKind::kLimit) {
      limits.push_back(check.limit);
    }
  }
  return limits;
}

// A metric's heading, with the limits in words: one that is far off is not drawn.
std::string heading(const std::string& metric, const std::vector<double>& limits, const std::string& unit) {
  std::string text = escape(short_name(metric));
  for (const double limit : limits) {
    text += (limit == limits.front() ? " <span class=\"muted\">limit " : ", ") + amount(limit, unit);
  }
  return tag("h3", text + (limits.empty() ? "" : "</span>"));
}

// What was judged, and from exec to ready in any case; each once.
std::vector<std::string> metrics_shown(const Findings& findings) {
  std::vector<std::string> metrics = {"span.exec_to_ready"};
  for (const Check& check : findings.checks) {
    if (std::ranges::find(metrics, check.metric) == metrics.end()) {
      metrics.push_back(check.metric);
    }
  }
  return metrics;
}

std::string distributions(const Findings& findings) {
  const Metrics now = metrics_of(findings.measurement.samples);
  const Metrics base = findings.base ? metrics_of(findings.base->samples) : Metrics();
  std::string text = legend(findings, "limit");
  for (const std::string& metric : metrics_shown(findings)) {
    const auto found = now.find(metric);
    if (found != now.end()) {
      const auto before = base.find(metric);
      const std::vector<double> limits = limits_of(findings, metric);
      const std::string unit = unit_of(metric, findings.measurement.mode);
      text += heading(metric, limits, unit) +
              distribution_svg(short_name(metric), found->second,
                               before == base.end() ? std::vector<double>() : before->second, limits, unit);
    }
  }
  return section("Distribution", text);
}

Point point_of(const std::string& label, const std::vector<double>& values) {
  return {label, quantile(values, 0), median(values), quantile(values, 1)};
}

std::string history(const Findings& findings) {
  if (findings.history.empty()) {
    return "";
  }
  const HistoryEntry now = entry_of(findings.measurement);
  std::string text = tag("p", "Line: median. Band: all boots. Last: this measurement.", "muted");
  for (const std::string& metric : metrics_shown(findings)) {
    std::vector<Point> points;
    const std::size_t skipped =
        findings.history.size() > kHistoryShown ? findings.history.size() - kHistoryShown : 0;
    for (std::size_t i = skipped; i < findings.history.size(); ++i) {
      const HistoryEntry& entry = findings.history[i];
      if (entry.metrics.contains(metric)) {
        points.push_back(point_of(entry.label.empty() ? entry.at : entry.label, entry.metrics.at(metric)));
      }
    }
    if (points.empty() || !now.metrics.contains(metric)) {
      continue;
    }
    points.push_back(point_of(now.label.empty() ? "now" : now.label, now.metrics.at(metric)));
    const std::vector<double> limits = limits_of(findings, metric);
    text +=
        heading(metric, limits, unit_of(metric, now.mode)) +
        history_svg(short_name(metric), points, limits.empty() ? std::nullopt : std::optional(limits.front()),
                    unit_of(metric, now.mode));
  }
  return section("History", text);
}

std::string moves(const Findings& findings) {
  std::string rows;
  for (const Move& move : findings.moves) {
    const std::size_t shown = static_cast<std::size_t>(std::ranges::count(rows, '\n'));
    if (move.base != move.now && shown < kMovesShown) {
      const std::string unit = unit_of(move.metric, findings.measurement.mode);
      rows += table_row({escape(move.metric), amount(move.base, unit), amount(move.now, unit),
                         move.base > 0 ? percent((move.now - move.base) / move.base) : "new"},
                        "td") +
              "\n";
    }
  }
  return rows.empty() ? ""
                      : section("What moved",
                                tag("table", table_row({"Figure", "Base", "Now", "Change"}, "th") + rows));
}

std::string fingerprint(const Findings& findings) {
  std::string rows = table_row({"Fact", "Value", "Base, where it differs"}, "th");
  const Fingerprint& now = findings.measurement.fingerprint;
  for (const auto& [prefix, facts] : {std::pair("host.", now.host), std::pair("guest.", now.guest)}) {
    for (const auto& [key, value] : facts) {
      const auto differs = std::ranges::find(findings.differences, prefix + key, &Difference::key);
      rows += table_row({escape(prefix + key), tag("code", escape(value)),
                         differs == findings.differences.end() ? "" : tag("code", escape(differs->base))},
                        "td");
    }
  }
  return section("Measured on and of", tag("table", rows));
}

}  // namespace

std::string to_html(const Findings& findings) {
  const std::string title =
      "mayfly-gate: " + (findings.verdict ? std::string(name(*findings.verdict)) : findings.title);
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">" +
         tag("title", escape(title)) + "<style>" + kHtmlStyle + "</style></head>\n<body><main>" +
         header(findings) + checks(findings) + causes(findings) + waterfall(findings) +
         distributions(findings) + history(findings) + moves(findings) + fingerprint(findings) +
         "</main></body></html>\n";
}

}  // namespace mayfly::gate
