// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "io/packet_port.hpp"
#include "vmm/passt_process.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Where the queues of one network device lead: a port for each pair of them.
using NetPorts = std::vector<std::unique_ptr<io::PacketPort>>;

/// Those of the guest's network devices, in the order of the configuration. `passt`: of the one that has a
/// `user`, if there is one. Throws Error.
[[nodiscard]] std::vector<NetPorts> open_ports(const std::vector<NetDevice>& devices, PasstProcess* passt);

}  // namespace mayfly::vmm
