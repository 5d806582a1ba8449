// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "boot/timeline_report.hpp"
#include "cli/boot_options.hpp"

namespace mayfly::cli {

/// The index, in ascending order, of the value that `percent` of 100 values do not exceed, by nearest rank:
/// always a value that was measured. `count` and `percent` are above 0.
[[nodiscard]] std::size_t percentile_index(std::size_t count, unsigned percent) noexcept;

/// Fewer values than this have their highest as that percentile.
[[nodiscard]] std::size_t values_needed(unsigned percent) noexcept;

inline constexpr std::array<unsigned, 4> kPercents = {50, 90, 95, 99};

/// Nanoseconds of one kind, of all boots.
struct Figures {
  std::string name;
  std::vector<std::uint64_t> values;  ///< Ascending, not empty.

  [[nodiscard]] std::uint64_t percentile(unsigned percent) const noexcept {
    return values[percentile_index(values.size(), percent)];
  }
};

/// Values in [from, to), of the last bar [from, to].
struct Bar {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::size_t count = 0;
};

/// At most ten bars of equal width from the lowest to the highest value. `values` ascend and are not empty.
[[nodiscard]] std::vector<Bar> histogram(std::span<const std::uint64_t> values);

/// One boot that became ready.
struct BootResult {
  boot::Report report;
  /// As its parent saw it.
  std::uint64_t exec_to_exit_ns = 0;
};

/// The spans, then exec_to_exit_ns; those that every boot has.
[[nodiscard]] std::vector<Figures> span_figures(std::span<const BootResult> boots);
/// The phases and their parts by name, in order of time; those that every boot has.
[[nodiscard]] std::vector<Figures> phase_figures(std::span<const BootResult> boots);

/// How a limit was kept.
struct Verdict {
  BootLimit limit;
  std::uint64_t ns = 0;
  /// The boot at the percentile, from 1 in order of booting, and its longest phase until it was ready.
  std::size_t boot = 0;
  boot::Phase longest;

  [[nodiscard]] bool kept() const noexcept { return ns <= limit.ns; }
};

/// `boots` is not empty, and each has the span exec_to_ready_ns.
[[nodiscard]] Verdict judge(std::span<const BootResult> boots, const BootLimit& limit);

}  // namespace mayfly::cli
