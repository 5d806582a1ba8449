// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "ci/gate/fingerprint.hpp"
#include "ci/gate/metrics.hpp"

namespace mayfly::gate {

/// Where reports go beside the terminal; empty: nowhere.
struct Outputs {
  std::string html;
  std::string json;
  std::string junit;
  std::string markdown;
};

struct MeasureCommand {
  Mode mode = Mode::kWall;
  bool in_lab = false;  ///< this is the lab: measure here, and leave the fingerprint to who started it
  std::vector<Variant> variants;
  std::vector<std::string> outputs;  ///< a file for each variant
  std::uint64_t boots = 0;
  std::uint64_t warm_up = 0;
  std::uint64_t runs = 1;
  std::uint64_t hugepages_2m = 0;
  std::uint64_t timeout_ns = 0;
  std::string label;
  std::string append_history;  ///< for the first variant
};

struct CheckCommand {
  std::string measurement;
  std::string budget;
  std::string history;
  Outputs outputs;
};

struct CompareCommand {
  std::string base;
  std::string now;
  std::string budget;
  std::optional<double> allowed;  ///< a fraction
  std::set<std::string> accepted;
  Outputs outputs;
};

struct ReportCommand {
  std::string measurement;
  std::string base;
  std::string history;
  Outputs outputs;
};

struct PrintCommand {
  std::string text;
};

using Command = std::variant<MeasureCommand, CheckCommand, CompareCommand, ReportCommand, PrintCommand>;

/// Throws Error with one sentence for a wrong command line.
[[nodiscard]] Command parse_command_line(int argc, char** argv);

}  // namespace mayfly::gate
