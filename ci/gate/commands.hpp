// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ci/gate/options.hpp"

namespace mayfly::gate {

/// Exit statuses of mayfly-gate.
enum class ExitStatus { kPass = 0, kFail = 1, kNotEnoughEvidence = 2, kOwnFailure = 125 };

/// Does what the command line says. Throws Error.
[[nodiscard]] ExitStatus run_command(const Command& command);

}  // namespace mayfly::gate
