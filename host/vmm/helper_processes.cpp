// SPDX-License-Identifier: Apache-2.0
#include "vmm/helper_processes.hpp"

namespace mayfly::vmm {

HelperProcesses::HelperProcesses(const RunConfig& config) {
  if (config.sockets.has_value() && !config.sockets->path.empty()) {
    connector = std::make_unique<ConnectorProcess>(config.sockets->path, config.sandbox);
  }
  for (const NetDevice& network : config.networks) {
    if (network.user.has_value()) {
      passt = std::make_unique<PasstProcess>(network);  // there is one of them at most
    }
  }
}

void HelperProcesses::wait_until_up() const {
  if (passt != nullptr) {
    passt->wait_until_up();
  }
}

}  // namespace mayfly::vmm
