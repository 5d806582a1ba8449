// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/timeline.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Boots a machine, runs the workload to its end, and returns mayfly's exit status; says on stderr what else
/// there is to say. Once a process, on the main thread. Throws Error for what the host refuses.
[[nodiscard]] int run(const RunConfig& config, boot::BootTimeline& timeline);

}  // namespace mayfly::vmm
