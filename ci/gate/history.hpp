// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/measurement.hpp"

namespace mayfly::gate {

/// A measurement as its figures alone: one line of a history.
struct HistoryEntry {
  std::string at;  ///< UTC, as Measurement::taken_at
  std::string label;
  Mode mode = Mode::kWall;
  Fingerprint fingerprint;
  Metrics metrics;
};

[[nodiscard]] HistoryEntry entry_of(const Measurement& measurement);

/// One line of JSON with its newline: figures to thousandths, and of KVM's counters only the exits.
[[nodiscard]] std::string to_line(const HistoryEntry& entry);

/// All entries, oldest first. Throws Error naming `file` and the line for one that is wrong or cut off, and
/// for a history without entries.
[[nodiscard]] std::vector<HistoryEntry> parse_history(const std::string& file, std::string_view text);

/// Those of one mode whose host and guest's shape are like `fingerprint`, so that figures may be compared.
[[nodiscard]] std::vector<HistoryEntry> like(const std::vector<HistoryEntry>& history, Mode mode,
                                             const Fingerprint& fingerprint);

}  // namespace mayfly::gate
