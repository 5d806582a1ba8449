// SPDX-License-Identifier: Apache-2.0
#include "cli/device_serve.hpp"

#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/say.hpp"
#include "broker/broker.hpp"
#include "cli/device_option.hpp"
#include "vmm/signals.hpp"

namespace mayfly::cli {
namespace {

std::vector<vfio::PciAddress> check_lot(const std::string& text, std::set<vfio::PciAddress>& seen) {
  std::vector<vfio::PciAddress> lot;
  std::istringstream words(text + ',');
  for (std::string word; std::getline(words, word, ',');) {
    const auto address = vfio::parse_pci_address(word);
    if (!address.has_value()) {
      throw Error("'" + word + "' is not a PCI address; write it as lspci -D does, such as 0000:01:00.0");
    }
    if (!seen.insert(*address).second) {
      throw Error("device " + to_string(*address) + " is named twice");
    }
    lot.push_back(*address);
  }
  if (lot.size() > broker::kDevicesMax) {
    throw Error("'" + text + "': one guest gets at most " + std::to_string(broker::kDevicesMax) +
                " devices of a broker");
  }
  return lot;
}

std::vector<vfio::HostDevice> require_lot(const vfio::HostPci& host,
                                          const std::vector<vfio::PciAddress>& lot) {
  std::vector<vfio::HostDevice> devices;
  devices.reserve(lot.size());
  for (const vfio::PciAddress& address : lot) {
    devices.push_back(vfio::require_assignable(host, address));
  }
  return devices;
}

using Lots = std::vector<std::vector<vfio::HostDevice>>;

/// A group has one address space, so it is lent whole.
void require_whole_groups(const Lots& lots) {
  std::map<std::uint32_t, std::pair<std::size_t, vfio::PciAddress>> lot_of;
  for (std::size_t i = 0; i < lots.size(); ++i) {
    for (const vfio::HostDevice& device : lots[i]) {
      const auto [other, is_new] = lot_of.try_emplace(device.group.value(), i, device.address);
      if (!is_new && other->second.first != i) {
        throw Error("devices " + to_string(other->second.second) + " and " + to_string(device.address) +
                    " share IOMMU group " + std::to_string(device.group.value()) +
                    ", so one guest gets both; join them by a comma");
      }
    }
  }
}

/// What one guest leaves in such a device the next one finds.
void warn_of_devices_without_reset(const Lots& lots) {
  for (const auto& lot : lots) {
    for (const vfio::HostDevice& device : lot) {
      if (device.reset_methods.empty()) {
        warn("device " + to_string(device.address) +
             " has no way to be reset: what a guest leaves in it the next one finds");
      }
    }
  }
}

void say_ready(const broker::Lot& lot) {
  const char* const interface =
      lot.held().files.interface == vfio::BackendChoice::kIommufd ? "iommufd" : "type1";
  for (const vfio::PciAddress& address : lot.addresses()) {
    std::printf("%s is ready (%s)\n", to_string(address).c_str(), interface);
  }
  static_cast<void>(std::fflush(stdout));
}

}  // namespace

ServeCommand check_serve_options(const ServeOptions& options) {
  ServeCommand command{.socket = options.socket};
  if (command.socket.empty()) {
    throw Error(
        "no socket given; name one with --socket FILE, which `mayfly run --device vfio=ADDRESS,broker=FILE` "
        "asks");
  }
  if (!options.iommu.empty()) {
    const auto backend = parse_iommu(options.iommu);
    if (!backend.has_value()) {
      throw Error("--iommu '" + options.iommu + "': give auto, type1 or iommufd");
    }
    command.backend = *backend;
  }
  std::set<vfio::PciAddress> seen;
  for (const std::string& text : options.lots) {
    command.lots.push_back(check_lot(text, seen));
  }
  if (command.lots.empty()) {
    throw Error("no device given; see mayfly device --help");
  }
  return command;
}

void serve_devices(const ServeCommand& command, const vfio::HostPci& host) {
  Lots lots;
  for (const auto& lot : command.lots) {
    lots.push_back(require_lot(host, lot));
  }
  require_whole_groups(lots);
  warn_of_devices_without_reset(lots);
  vmm::Signals stop({SIGINT, SIGTERM});
  const auto open = [&](const std::vector<vfio::PciAddress>& lot) {
    return hold_devices(command.backend, host, require_lot(host, lot));
  };
  broker::Broker broker({.lots = command.lots, .open = open, .on_ready = say_ready, .on_trouble = warn},
                        command.socket);
  broker.run(stop.fd());
  // One that is left would end us as the mask is given back.
  while (stop.next().has_value()) {
  }
}

}  // namespace mayfly::cli
