// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/fingerprint.hpp"
#include "ci/gate/metrics.hpp"
#include "ci/gate/sample.hpp"

namespace mayfly::gate {

/// Boots of one variant: what `measure` writes and all else reads.
struct Measurement {
  Mode mode = Mode::kWall;
  /// The same for two measurements whose boots took turns: sample N of one was taken beside sample N of the
  /// other.
  std::string session;
  std::string label;     ///< what the user calls it, such as a commit
  std::string taken_at;  ///< UTC, as 2026-01-31T12:00:00Z
  Fingerprint fingerprint;
  std::vector<Sample> samples;
};

/// One JSON object, schema version 1, a line for each sample.
[[nodiscard]] std::string to_text(const Measurement& measurement);

/// Throws Error naming `file` for all that to_text() would not have written, for one without samples, and for
/// one with a sample that is none to compute with.
[[nodiscard]] Measurement parse_measurement(const std::string& file, std::string_view text);

/// `wall` or `counted` at `key`.
[[nodiscard]] Mode read_mode(ObjectReader& reader, const char* key);

[[nodiscard]] Json to_json(const Fingerprint& fingerprint);
[[nodiscard]] Fingerprint parse_fingerprint(ObjectReader reader);

/// Now, as Measurement::taken_at.
[[nodiscard]] std::string utc_now();

}  // namespace mayfly::gate
