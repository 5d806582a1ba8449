// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/run_options.hpp"

namespace mayfly::cli {

/// The options of `mayfly boot` as they were typed; empty where not given.
struct BootOptions {
  RunOptions run{};
  std::string repeat{};
  /// By percent: 50, 95 and 99.
  std::array<std::pair<unsigned, std::string>, 3> limits{{{50, ""}, {95, ""}, {99, ""}}};
  std::string json{};
};

/// The most that a percentile of exec to ready may be.
struct BootLimit {
  unsigned percent = 0;
  std::uint64_t ns = 0;
};

/// One `mayfly boot`, checked as far as it can be without touching the host.
struct BootConfig {
  std::uint32_t repeat = 10;
  std::uint64_t timeout_ns = 30'000'000'000;
  std::vector<BootLimit> limits{};
  /// Where the figures are written as JSON; empty: nowhere.
  std::string json{};
  /// Whether a boot ends when it is ready, or with its command.
  bool until_ready = true;
  /// The words of `mayfly run` for one boot, without those for timeline and console, before "--".
  std::vector<std::string> run{};
  /// Command and arguments; empty: the image's.
  std::vector<std::string> command{};
};

inline constexpr std::uint32_t kBootsMax = 100'000;

/// Checks options and gives the defaults. Throws Error that names the option, what was given and what is
/// allowed.
[[nodiscard]] BootConfig check_boot_options(BootOptions options);

}  // namespace mayfly::cli
