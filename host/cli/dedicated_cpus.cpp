// SPDX-License-Identifier: Apache-2.0
#include "cli/dedicated_cpus.hpp"

#include "base/error.hpp"
#include "doctor/dedicated.hpp"
#include "doctor/record_host.hpp"

namespace mayfly::cli {

vmm::CpuClaims claim_dedicated(const vmm::RunConfig& config, const std::string& root) {
  if (!config.dedicated) {
    return {};
  }
  const doctor::IsolationFacts host = doctor::read_isolation(doctor::record_cpus(root));
  const auto chosen = doctor::choose_dedicated(host, config.cpus, config.dedicated_cpus);
  if (!chosen.has_value()) {
    throw Error("--dedicated: " + chosen.error());
  }
  return {*chosen, config.cpus};
}

}  // namespace mayfly::cli
