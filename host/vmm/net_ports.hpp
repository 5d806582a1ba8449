// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "io/packet_port.hpp"
#include "vmm/passt_process.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Where one pair of queues of a network device leads.
struct NetPort {
  std::unique_ptr<io::PacketPort> port;
  /// An open vhost-net, nobody's yet, that is to move the packets; none: we do.
  Fd vhost{};
};
using NetPorts = std::vector<NetPort>;

/// Those of the guest's network devices, in the order of the configuration. `passt`: of the one that has a
/// `user`, if there is one. Throws Error.
[[nodiscard]] std::vector<NetPorts> open_ports(const std::vector<NetDevice>& devices, PasstProcess* passt);

}  // namespace mayfly::vmm
