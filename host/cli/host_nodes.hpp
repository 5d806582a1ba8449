// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// Where the guest's memory and CPUs go on the NUMA nodes that `--numa` names; nowhere in particular when it
/// was not given. A vCPU that has a CPU of the host to itself is of that one's node, others are shared out in
/// equal parts. `root` is "" for this host; tests give trees. Throws Error, one sentence that names the node
/// in the way.
[[nodiscard]] vmm::Placement place_on_nodes(const vmm::RunConfig& config, const std::string& root);

}  // namespace mayfly::cli
