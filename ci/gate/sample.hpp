// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ci/gate/json_reader.hpp"

namespace mayfly::gate {

/// A stretch of work, in nanoseconds since exec.
struct Phase {
  std::string name;
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
};

/// One boot: what `mayfly run --timeline` wrote of it (host/boot/TIMELINE.md), by name and without a list of
/// names, and what the launcher saw.
struct Sample {
  std::uint64_t run = 0;  ///< which start of the lab; 0 in wall mode
  std::uint64_t resident_bytes = 0;
  std::string outcome;
  std::uint64_t exit_status = 0;
  std::string pages;  ///< what guest memory was made of
  std::uint64_t guest_bytes = 0;
  std::map<std::string, std::uint64_t> spans_ns;  ///< names without `_ns`
  std::vector<Phase> phases;
  std::map<std::string, std::uint64_t> exits;  ///< until ready; of the whole run where its phases do not tell
  /// Of the whole run; `exits` until ready, where its phases tell.
  std::map<std::string, std::uint64_t> kvm;
  std::vector<std::uint64_t> marks;  ///< codes, in order
  std::uint64_t marks_dropped = 0;
};

/// Reads a timeline of schema version 1. Throws Error naming `file`.
[[nodiscard]] Sample parse_timeline(const std::string& file, const Json& timeline);

/// As parse_sample() reads it.
[[nodiscard]] Json to_json(const Sample& sample);
[[nodiscard]] Sample parse_sample(ObjectReader reader);

/// Why this boot is none to compute with, as the rest of a sentence that begins with which boot it was: it
/// did not end well or its guest was never ready, wrote its marks out of order, or so many that writing them
/// is what was measured. Nothing for a good one.
[[nodiscard]] std::optional<std::string> fault_of(const Sample& sample);

}  // namespace mayfly::gate
