// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::cli {

/// The commands that ask running VMs.
enum class ControlVerb : std::uint8_t {
  kPs,
  kStatus,
  kBalloon,
  kStop,
  kKill,
  kWait,
  kPause,
  kResume,
  kMetrics,
  kGc
};

/// What such a command was given, as it was typed.
struct ControlOptions {
  std::vector<std::string> words{};
  bool json = false;
  bool watch = false;
  std::string timeout{};
  std::string cgroup{};
};

/// One command that asks running VMs, checked as far as it can be without asking.
struct ControlCommand {
  ControlVerb verb = ControlVerb::kPs;
  /// Of all but kPs, kMetrics and kGc.
  std::string id{};
  /// Of kMetrics: none stands for all.
  std::vector<std::string> ids{};
  /// Of kBalloon.
  std::uint64_t bytes = 0;
  /// Of kStop: nanoseconds until the VM is killed.
  std::uint64_t timeout_ns = 10'000'000'000;
  /// Of kGc: the folder of groups of VMs that are gone; empty: none is looked at.
  std::string cgroup{};
  bool json = false;
  bool watch = false;
};

/// Throws Error that names what was given.
[[nodiscard]] ControlCommand check_control_options(ControlVerb verb, const ControlOptions& options);

/// Does it, and prints on stdout; mayfly's exit status. Throws Error.
[[nodiscard]] int run_control_command(const ControlCommand& command);

}  // namespace mayfly::cli
