// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sys/types.h>

#include "exits/report.hpp"

namespace mayfly::cli {

enum class ExitsForm : std::uint8_t { kText, kJson };

/// The options of `mayfly exits` as they were typed.
struct ExitsOptions {
  std::vector<std::string> words{};  ///< PID, or with --compare two files.
  std::string seconds{};
  bool all = false;
  bool json = false;
  bool compare = false;
};

/// `mayfly exits`.
struct ExitsCommand {
  std::optional<pid_t> process{};  ///< None, of one process: the only one that has a VM.
  exits::Scope scope = exits::Scope::kProcess;
  std::optional<std::uint64_t> ns{};  ///< How long; none: until the VM ends or SIGINT comes.
  ExitsForm form = ExitsForm::kText;
};

/// `mayfly exits --compare`.
struct ExitsCompareCommand {
  std::string base{};
  std::string next{};
};

/// Throws Error that names what was given.
[[nodiscard]] std::variant<ExitsCommand, ExitsCompareCommand> check_exits_options(
    const ExitsOptions& options);

/// Counts exits, and says them on stdout: once, or each second when neither a time nor JSON was asked for.
/// Before any other thread. Throws Error.
void show_exits(const ExitsCommand& command);

/// Reads both reports, and gives what is to be printed. Throws Error.
[[nodiscard]] std::string compare_exits(const ExitsCompareCommand& command);

}  // namespace mayfly::cli
