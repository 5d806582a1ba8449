// SPDX-License-Identifier: Apache-2.0
#include "vmm/net_ports.hpp"

#include "base/error.hpp"
#include "vmm/tap.hpp"
#include "vmm/vhost.hpp"

namespace mayfly::vmm {
namespace {

TapQueue queue_of(std::size_t number, std::size_t queues) noexcept {
  if (queues == 1) {
    return TapQueue::kOnly;
  }
  return number == 0 ? TapQueue::kFirst : TapQueue::kFurther;
}

NetPorts take_descriptors(const std::vector<int>& descriptors) {
  NetPorts ports;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    ports.push_back({std::make_unique<Tap>(descriptors[i], queue_of(i, descriptors.size()))});
    if (ports[i].port->name() != ports[0].port->name()) {
      throw Error("--net: descriptor " + std::to_string(descriptors[i]) + " is of the tap '" +
                  std::string(ports[i].port->name()) + "', the first one of '" +
                  std::string(ports[0].port->name()) + "'; a device has one");
    }
  }
  return ports;
}

NetPorts join_tap(const std::string& name, std::size_t queues) {
  NetPorts ports;
  for (std::size_t i = 0; i < queues; ++i) {
    ports.push_back({std::make_unique<Tap>(name, queue_of(i, queues))});
  }
  return ports;
}

}  // namespace

std::vector<NetPorts> open_ports(const std::vector<NetDevice>& devices, PasstProcess* passt) {
  std::vector<NetPorts> ports(devices.size());
  // Descriptors first: a number that is none must not become one of ours.
  for (std::size_t i = 0; i < devices.size(); ++i) {
    ports[i] = take_descriptors(devices[i].descriptors);
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].user.has_value()) {
      ports[i].push_back({passt->take_port()});
    } else if (!devices[i].tap.empty()) {
      ports[i] = join_tap(devices[i].tap, devices[i].queues);
    }
    if (devices[i].by_vhost) {
      for (NetPort& port : ports[i]) {
        port.vhost = Vhost::open(Vhost::kNet);
      }
    }
  }
  return ports;
}

}  // namespace mayfly::vmm
