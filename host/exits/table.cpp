// SPDX-License-Identifier: Apache-2.0
#include "exits/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

namespace mayfly::exits {
namespace {

// What stands above a group's rows.
struct Title {
  std::string_view group;
  std::string_view title;
};
constexpr Title kTitles[] = {
    {"reason", "REASON"},
    {"user_exit", "TO THE VMM"},
    {"vm", "VM"},
    {"vcpu", "VCPU"},
    {"port", "PORT"},
    {"mmio", "MMIO ADDRESS"},
    {"msr", "MSR"},
    {"hypercall", "HYPERCALL"},
    {"msi", "MSI (no exit)"},
    {"vmm", "TO MAYFLY"},
    {"kvm", "KVM'S COUNTERS"},
};

}  // namespace

std::string_view title_of(std::string_view group) noexcept {
  const auto* const found = std::find_if(std::begin(kTitles), std::end(kTitles),
                                         [&](const Title& each) { return each.group == group; });
  return found == std::end(kTitles) ? group : found->title;
}

std::string table_row(std::string_view name, std::initializer_list<std::string_view> figures) {
  constexpr std::size_t kNameWidth = 36;
  constexpr std::size_t kFigureWidth = 14;
  std::string line(name);
  line.resize(std::max(line.size(), kNameWidth), ' ');
  for (const std::string_view figure : figures) {
    line.append(kFigureWidth - std::min(kFigureWidth - 1, figure.size()), ' ');
    line += figure;
  }
  return line + '\n';
}

std::string one_decimal(double value) {
  std::array<char, 64> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.1f", value));
  return text.data();
}

double seconds_of(std::uint64_t ns) noexcept {
  constexpr double kNsPerSecond = 1e9;
  return static_cast<double>(std::max<std::uint64_t>(ns, 1)) / kNsPerSecond;
}

}  // namespace mayfly::exits
