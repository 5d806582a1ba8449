// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exits/kvm_counters.hpp"
#include "exits/tally.hpp"

namespace mayfly::exits {

/// What a report's counts are to be divided by when two are compared.
enum class Unit : std::uint8_t {
  kSecond,  ///< One of `mayfly exits --json`.
  kRun,     ///< A timeline of `mayfly run --timeline`: of a whole run.
};

/// Counts of one kind, such as those by port.
struct ReportGroup {
  std::string name{};
  std::vector<std::pair<std::string, std::uint64_t>> counts{};

  [[nodiscard]] bool operator==(const ReportGroup&) const = default;
};

/// Exits as they are shown, kept and compared.
struct Report {
  Unit unit = Unit::kSecond;
  std::uint64_t duration_ns = 0;
  std::uint64_t exits = 0;
  std::uint64_t lost =
      0;  ///< Events that were not counted, since the memory that they are handed over in was full.
  std::vector<ReportGroup> groups{};

  [[nodiscard]] bool operator==(const Report&) const = default;

  /// Empty when there is no such group.
  [[nodiscard]] const ReportGroup& group(std::string_view name) const noexcept;
};

/// Whose exits a tally has: with one process its number is left out of names.
enum class Scope : std::uint8_t { kProcess, kHost };

/// Groups with their counts, the highest first. Processes are named as they are now.
[[nodiscard]] Report make_report(const Tally& tally, const KvmCounters& kvm, std::uint64_t duration_ns,
                                 Scope scope);

/// A table for each group, with up to `rows_max` rows.
[[nodiscard]] std::string to_text(const Report& report, std::size_t rows_max);

[[nodiscard]] std::string to_json(const Report& report);

/// What a report that is read may have at most, bytes.
inline constexpr std::size_t kReportBytesMax = 4U << 20U;

/// The report that `json` is, or the counts of the timeline that it is: foreign input. Throws Error, one
/// sentence that begins with `name`, when it is neither.
[[nodiscard]] Report parse_report(std::string_view name, std::string_view json);

/// Both reports' counts of each kind, a second or a run, and by how much they differ, the largest difference
/// first. Throws Error when one is of a run and one is not.
[[nodiscard]] std::string compare(const Report& base, const Report& next);

}  // namespace mayfly::exits
