// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_summary.hpp"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace mayfly::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBarColumns = 40;
constexpr std::pair<std::string_view, std::string_view> kTitles[] = {
    {"exec_to_ready_ns", "exec to ready"},
    {"first_entry_to_init_ns", "first entry to init"},
    {"kernel_entry_to_userspace_ns", "kernel to userspace"},
    {"exec_to_exit_ns", "exec to exit"}};

std::string ms(std::uint64_t ns) {
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%10.3f", static_cast<double>(ns) / 1e6));
  return text.data();
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string result(text.substr(0, columns));
  result.resize(columns, ' ');
  return result;
}

std::string row(std::string_view title, const Figures& figures) {
  std::string line = padded(title, 22);
  for (const unsigned percent : kPercents) {
    line += ' ' + ms(figures.percentile(percent));
  }
  return line + ' ' + ms(figures.values.back()) + '\n';
}

std::string bars(const Figures& figures) {
  const std::vector<Bar> all = histogram(figures.values);
  const std::size_t highest = std::ranges::max(all, {}, &Bar::count).count;
  std::string text;
  for (const Bar& bar : all) {
    const std::size_t columns = (bar.count * kBarColumns + highest - 1) / highest;
    text += ms(bar.from) + " to" + ms(bar.to) + ' ' + padded(std::to_string(bar.count), 7) +
            std::string(columns, '#') + '\n';
  }
  return text;
}

Json json_of(const std::vector<Figures>& all) {
  Json json = Json::object();
  for (const Figures& figures : all) {
    Json& each = json[figures.name];
    each["min"] = figures.values.front();
    for (const unsigned percent : kPercents) {
      each["p" + std::to_string(percent)] = figures.percentile(percent);
    }
    each["max"] = figures.values.back();
  }
  return json;
}

}  // namespace

std::string summary(std::span<const BootResult> boots) {
  const std::vector<Figures> spans = span_figures(boots);
  std::string text = std::to_string(boots.size()) + " boots, in milliseconds\n" + padded("", 22) +
                     "        p50        p90        p95        p99        max\n";
  std::string bars_of_ready;
  for (const auto& [name, title] : kTitles) {
    const auto found = std::ranges::find(spans, name, &Figures::name);
    text += found == spans.end() ? padded(title, 22) + "  not known: the kernel wrote no marks\n"
                                 : row(title, *found);
    if (name == kTitles[0].first) {
      bars_of_ready = bars(*found);
    }
  }
  text += "\nphases\n";
  for (const Figures& each : phase_figures(boots)) {
    text += row(each.name, each);
  }
  text += "\nexec to ready: boots\n" + bars_of_ready;
  if (boots.size() < values_needed(kPercents.back())) {
    text += "\nThe p99 of " + std::to_string(boots.size()) +
            " boots is the slowest of them; --repeat 100 or more makes it one that says more.\n";
  }
  return text;
}

std::string complaint(const Verdict& verdict) {
  const auto trimmed = [](std::uint64_t ns) {
    std::string text = ms(ns);
    return text.substr(text.find_first_not_of(' ')) + " ms";
  };
  return "p" + std::to_string(verdict.limit.percent) + " of exec to ready is " + trimmed(verdict.ns) +
         ", over the limit of " + trimmed(verdict.limit.ns) + "; in that boot, number " +
         std::to_string(verdict.boot) + ", the longest phase is " + verdict.longest.name + " with " +
         trimmed(verdict.longest.end_ns - verdict.longest.begin_ns);
}

std::string to_json(std::span<const BootResult> boots, std::span<const Verdict> verdicts) {
  Json json;
  json["version"] = 1;
  json["boots"] = boots.size();
  json["spans"] = json_of(span_figures(boots));
  json["phases"] = json_of(phase_figures(boots));
  json["histogram"] = Json::array();
  std::vector<std::uint64_t> ready;
  for (const BootResult& boot : boots) {
    ready.push_back(boot.report.span("exec_to_ready_ns").value());
  }
  json["exec_to_ready_ns"] = ready;
  std::ranges::sort(ready);
  for (const Bar& bar : histogram(ready)) {
    json["histogram"].push_back({{"from_ns", bar.from}, {"to_ns", bar.to}, {"boots", bar.count}});
  }
  json["limits"] = Json::array();
  for (const Verdict& each : verdicts) {
    json["limits"].push_back({{"percent", each.limit.percent},
                              {"limit_ns", each.limit.ns},
                              {"ns", each.ns},
                              {"kept", each.kept()},
                              {"boot", each.boot},
                              {"longest_phase", each.longest.name}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mayfly::cli
