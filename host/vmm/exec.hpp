// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vmm/exec_config.hpp"

namespace mayfly::vmm {

/// Runs a further command in a VM that runs, with the caller's stdio, to its end: `mayfly exec`. Waits for a
/// VM that is still starting, half a minute at most. What goes wrong in the guest is said on stderr. Gives
/// mayfly's exit status, as run() does. Main thread, while it is the only one. Throws Error: no VM has that
/// id, or it takes no commands.
[[nodiscard]] int exec(const ExecConfig& config);

}  // namespace mayfly::vmm
