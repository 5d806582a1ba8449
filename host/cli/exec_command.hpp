// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vmm/exec_config.hpp"

namespace mayfly::cli {

/// The options of `mayfly exec` as they were typed; empty where not given.
struct ExecOptions {
  /// What stands before the command and is no option: the VM's id.
  std::vector<std::string> words{};
  std::vector<std::string> environment{};
  std::string workdir{};
  std::string user{};
  std::string timeout{};
  std::vector<std::string> command{};
};

/// Throws Error that names what was given.
[[nodiscard]] vmm::ExecConfig check_exec_options(ExecOptions options);

}  // namespace mayfly::cli
