// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/boot_options.hpp"
#include "cli/option_parser.hpp"
#include "cli/run_options.hpp"

namespace mayfly::cli {

// What options of `mayfly run` and its like are called, and what they are for.

/// How a command is run in a guest, of run, boot and exec.
template <typename Options>
void add_workload_options(Parser& parser, Options& options) {
  parser.texts("--env", options.environment, "NAME[=VALUE]",
               "Environment variable of the command; of NAME alone the value is mayfly's own, "
               "which no command line shows; may be repeated");
  parser.text("--workdir", options.workdir, "DIR", "Directory of the command in the guest");
  parser.text("--user", options.user, "USER[:GROUP]", "User of the command, by name or number");
}

/// How mayfly speaks on stderr; speak_as() does what it says.
void add_log_format(Parser& parser, std::string& format);

void add_run_options(Parser& parser, RunOptions& run);
void add_boot_options(Parser& parser, BootOptions& boot);

}  // namespace mayfly::cli
