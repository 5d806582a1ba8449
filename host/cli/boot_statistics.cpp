// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_statistics.hpp"

#include <algorithm>
#include <numeric>

namespace mayfly::cli {
namespace {

constexpr std::size_t kBarsMax = 10;
constexpr std::string_view kReady = "exec_to_ready_ns";

std::uint64_t ready_ns(const BootResult& boot) { return boot.report.span(kReady).value(); }

void add_phases(std::vector<boot::Span>& all, const std::vector<boot::Phase>& phases) {
  for (const boot::Phase& phase : phases) {
    if (!phase.unfinished) {
      all.push_back({phase.name, phase.end_ns - phase.begin_ns});
    }
    add_phases(all, phase.parts);
  }
}

/// What all of `boots` have, under the names and in the order of the first.
std::vector<Figures> common(std::span<const std::vector<boot::Span>> boots) {
  std::vector<Figures> figures;
  for (const boot::Span& wanted : boots.front()) {
    Figures each{wanted.name, {}};
    for (const std::vector<boot::Span>& boot : boots) {
      const auto found = std::ranges::find(boot, wanted.name, &boot::Span::name);
      if (found != boot.end()) {
        each.values.push_back(found->ns);
      }
    }
    if (each.values.size() == boots.size()) {
      std::ranges::sort(each.values);
      figures.push_back(std::move(each));
    }
  }
  return figures;
}

}  // namespace

std::size_t percentile_index(std::size_t count, unsigned percent) noexcept {
  return (count * percent + 99) / 100 - 1;
}

std::size_t values_needed(unsigned percent) noexcept { return percent >= 100 ? 1 : 100 / (100 - percent); }

std::vector<Bar> histogram(std::span<const std::uint64_t> values) {
  const std::uint64_t lowest = values.front();
  const std::uint64_t range = values.back() - lowest;
  const std::uint64_t bars = std::min<std::uint64_t>(kBarsMax, range + 1);
  const std::uint64_t width = range / bars + 1;
  std::vector<Bar> all;
  for (std::uint64_t i = 0; i < bars; ++i) {
    all.push_back({lowest + i * width, lowest + (i + 1) * width, 0});
  }
  for (const std::uint64_t value : values) {
    ++all[(value - lowest) / width].count;
  }
  return all;
}

std::vector<Figures> span_figures(std::span<const BootResult> boots) {
  std::vector<std::vector<boot::Span>> all;
  for (const BootResult& boot : boots) {
    all.push_back(boot.report.spans);
    all.back().push_back({"exec_to_exit_ns", boot.exec_to_exit_ns});
  }
  return common(all);
}

std::vector<Figures> phase_figures(std::span<const BootResult> boots) {
  std::vector<std::vector<boot::Span>> all(boots.size());
  for (std::size_t i = 0; i < boots.size(); ++i) {
    add_phases(all[i], boots[i].report.phases);
  }
  return common(all);
}

Verdict judge(std::span<const BootResult> boots, const BootLimit& limit) {
  std::vector<std::size_t> order(boots.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ready_ns(boots[i]); });
  const std::size_t at = order[percentile_index(order.size(), limit.percent)];
  Verdict verdict{limit, ready_ns(boots[at]), at + 1, {}};
  for (const boot::Phase& phase : boots[at].report.phases) {
    // What runs beside the others makes nobody wait, or shows in them.
    const bool counts = (phase.track == boot::Track::kMain || phase.track == boot::Track::kGuest) &&
                        phase.end_ns <= verdict.ns;
    if (counts && phase.end_ns - phase.begin_ns > verdict.longest.end_ns - verdict.longest.begin_ns) {
      verdict.longest = phase;
    }
  }
  return verdict;
}

}  // namespace mayfly::cli
