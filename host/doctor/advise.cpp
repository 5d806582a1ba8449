// SPDX-License-Identifier: Apache-2.0
#include "doctor/advise.hpp"

namespace mayfly::doctor {

Finding of_switch(const Mechanism& mechanism, Switch state, const char* mend) {
  if (!state.has_value()) {
    return is_unknown(mechanism, "not told: this kernel does not know it, or its module is not loaded");
  }
  return *state ? is_on(mechanism) : is_off(mechanism, "off", mend);
}

std::vector<Finding> advise(const Capabilities& host) {
  std::vector<Finding> findings;
  advise_run(host, findings);
  advise_kvm(host, findings);
  advise_memory(host, findings);
  advise_devices(host, findings);
  advise_interrupts(host, findings);
  advise_network(host, findings);
  advise_isolation(host, findings);
  return findings;
}

}  // namespace mayfly::doctor
