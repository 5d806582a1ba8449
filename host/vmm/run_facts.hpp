// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/timeline_report.hpp"
#include "vmm/machine.hpp"
#include "vmm/outcome.hpp"

namespace mayfly::vmm {

/// What the timeline's file says of a run beside its times: how it ended, and what its devices have counted.
/// Main thread, when the vCPUs have stopped.
[[nodiscard]] boot::RunFacts facts_of(const Machine& machine, const Outcome& outcome);

}  // namespace mayfly::vmm
