// SPDX-License-Identifier: Apache-2.0
#include "cli/exec_command.hpp"

#include <utility>

#include "base/error.hpp"
#include "cli/workload_options.hpp"
#include "control/vm_id.hpp"

namespace mayfly::cli {

vmm::ExecConfig check_exec_options(ExecOptions options) {
  if (options.words.empty()) {
    throw Error("no VM given; name one by its id, which mayfly ps lists");
  }
  if (options.words.size() > 1) {
    throw Error("unknown argument '" + options.words[1] + "'; put -- before the command");
  }
  if (options.command.empty()) {
    throw Error("no command given; write one after --, as in: mayfly exec " + options.words.front() +
                " -- sh");
  }
  control::require_vm_id(options.words.front());
  return {.id = std::move(options.words.front()),
          .environment = check_environment(std::move(options.environment)),
          .workdir = check_workdir(std::move(options.workdir)),
          .user = check_user(std::move(options.user)),
          .timeout_ns = check_timeout(options.timeout),
          .command = std::move(options.command)};
}

}  // namespace mayfly::cli
