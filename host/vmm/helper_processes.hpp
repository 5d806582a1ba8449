// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vmm/connector_process.hpp"
#include "vmm/passt_process.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// The processes that do for a run what it gives up itself; each empty where it needs none. They outlive all
/// else of it.
struct HelperProcesses {
  /// Starts them. While there is one thread, and before anything is given up: they need the host's files and
  /// network. Throws Error.
  explicit HelperProcesses(const RunConfig& config);

  /// Waits until all can do what they are for, before the guest runs. Once, after their ends of ours were
  /// taken and while nobody else uses those. Throws Error.
  void wait_until_up() const;

  std::unique_ptr<ConnectorProcess> connector;
  std::unique_ptr<PasstProcess> passt;
};

}  // namespace mayfly::vmm
