// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vmm/cpu_claims.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The CPUs that `--dedicated` gives to the vCPUs of a run, claimed; none when it was not asked for. `root`
/// is
/// "" for this host; tests give trees. Throws Error, one sentence that names the CPUs in the way.
[[nodiscard]] vmm::CpuClaims claim_dedicated(const vmm::RunConfig& config, const std::string& root);

}  // namespace mayfly::cli
