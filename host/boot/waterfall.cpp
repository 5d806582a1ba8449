// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "boot/timeline_report.hpp"

namespace mayfly::boot {
namespace {

constexpr std::uint64_t kBarColumns = 42;

struct Line {
  std::string name;
  const Phase* phase;
};

// Each phase shows at least one column, and none goes over the right edge.
std::string bar(const Phase& phase, std::uint64_t total_ns) {
  // No overflow: a run of 2^64 / 42 ns is fourteen years.
  const auto column = [&](std::uint64_t at) { return static_cast<std::size_t>(at * kBarColumns / total_ns); };
  const std::size_t begin = std::min<std::size_t>(column(phase.begin_ns), kBarColumns - 1);
  const std::size_t end = std::max(column(phase.end_ns), begin + 1);
  return "  " + std::string(begin, ' ') + std::string(end - begin, '#');
}

std::string line(std::string_view name, std::uint64_t ns, const std::string& rest) {
  std::array<char, 64> head{};
  // Names that are not ours are cut.
  static_cast<void>(std::snprintf(head.data(), head.size(), "%-20.20s %10.3f ms", std::string(name).c_str(),
                                  static_cast<double>(ns) / 1e6));
  return head.data() + rest + "\n";
}

void add_line(std::vector<Line>& lines, const Phase& phase, const std::string& indent) {
  lines.push_back({indent + phase.name + (phase.unfinished ? "..." : ""), &phase});
  for (const Phase& part : phase.parts) {
    add_line(lines, part, indent + "  ");
  }
}

}  // namespace

std::string waterfall(const Report& report) {
  std::vector<Line> lines;
  std::uint64_t total_ns = 1;
  for (const Phase& phase : report.phases) {
    add_line(lines, phase, "");
    total_ns = std::max(total_ns, phase.end_ns);
  }
  std::ranges::stable_sort(lines, {}, [](const Line& each) { return each.phase->begin_ns; });
  std::string text;
  for (const Line& each : lines) {
    text += line(each.name, each.phase->end_ns - each.phase->begin_ns, bar(*each.phase, total_ns));
  }
  constexpr std::pair<std::string_view, std::string_view> kSpans[] = {
      {"exec to ready", "exec_to_ready_ns"},
      {"first entry to init", "first_entry_to_init_ns"},
      {"kernel to userspace", "kernel_entry_to_userspace_ns"}};
  for (const auto& [title, span] : kSpans) {
    if (const auto ns = report.span(span)) {
      text += line(title, *ns, "");
    }
  }
  text += report.facts.outcome + ", exit status " + std::to_string(report.facts.exit_status) + "\n";
  return text;
}

}  // namespace mayfly::boot
