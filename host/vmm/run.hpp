// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/timeline.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Closes what the caller has left open and `config` does not name. Before a file is opened for the run;
/// nothing without a sandbox.
void close_inherited_files(const RunConfig& config);

/// Boots a machine, runs the workload to its end, and returns mayfly's exit status; says on stderr what else
/// there is to say. Once a process, on the main thread. Throws Error for what the host refuses.
[[nodiscard]] int run(const RunConfig& config, boot::BootTimeline& timeline);

}  // namespace mayfly::vmm
