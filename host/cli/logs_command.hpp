// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace mayfly::cli {

/// `mayfly logs`, as it was typed and checked.
struct LogsCommand {
  std::string id{};
  /// Goes on until the run ends.
  bool follow = false;
  /// Each line has the time at which its first byte was written before it.
  bool timestamps = false;
};

/// Throws Error that names what was given.
[[nodiscard]] LogsCommand check_logs_options(const std::vector<std::string>& words, bool follow,
                                             bool timestamps);

/// Prints the log: stdout on stdout, stderr on stderr. Throws Error.
void print_log(const LogsCommand& command);

}  // namespace mayfly::cli
