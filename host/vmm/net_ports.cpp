// SPDX-License-Identifier: Apache-2.0
#include "vmm/net_ports.hpp"

#include "vmm/tap.hpp"

namespace mayfly::vmm {

std::vector<std::unique_ptr<io::PacketPort>> open_ports(const std::vector<NetDevice>& devices,
                                                        PasstProcess* passt) {
  std::vector<std::unique_ptr<io::PacketPort>> ports(devices.size());
  // Descriptors first: a number that is none must not become one of ours.
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].descriptor >= 0) {
      ports[i] = std::make_unique<Tap>(devices[i].descriptor);
    }
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].user.has_value()) {
      ports[i] = passt->take_port();
    } else if (!devices[i].tap.empty()) {
      ports[i] = std::make_unique<Tap>(devices[i].tap);
    }
  }
  return ports;
}

}  // namespace mayfly::vmm
