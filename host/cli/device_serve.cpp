// SPDX-License-Identifier: Apache-2.0
#include "cli/device_serve.hpp"

#include <cstdio>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/say.hpp"
#include "broker/broker.hpp"
#include "cli/device_option.hpp"
#include "cli/memory_kind.hpp"
#include "cli/quantity.hpp"
#include "vmm/signals.hpp"

namespace mayfly::cli {
namespace {

broker::LotSpec check_lot(const std::string& text, std::set<vfio::PciAddress>& seen) {
  broker::LotSpec lot;
  // A comma at the end has an empty word after it.
  std::string_view rest = text;
  for (bool more = true; more;) {
    more = rest.find(',') != std::string_view::npos;
    const std::string_view word = take_part(rest);
    std::string_view setting = word;
    const auto [key, value] = take_setting(setting);
    if (key == "memory") {
      lot.memory = check_memory_kind(text, value);
      continue;
    }
    if (key != word) {
      if (!lot.memory.has_value() || !set_memory_kind(*lot.memory, text, key, value)) {
        refuse_memory(
            text, "after the devices there may be memory=SIZE, and after that pages=2m|1g|thp|4k and node=N");
      }
      continue;
    }
    const auto address = vfio::parse_pci_address(word);
    if (!address.has_value()) {
      throw Error("'" + std::string(word) +
                  "' is not a PCI address; write it as lspci -D does, such as 0000:01:00.0");
    }
    if (!seen.insert(*address).second) {
      throw Error("device " + to_string(*address) + " is named twice");
    }
    lot.addresses.push_back(*address);
  }
  if (lot.addresses.empty()) {
    refuse_memory(text, "no device of a guest that is to have this memory");
  }
  if (lot.addresses.size() > broker::kDevicesMax) {
    throw Error("'" + text + "': one guest gets at most " + std::to_string(broker::kDevicesMax) +
                " devices of a broker");
  }
  if (lot.memory.has_value()) {
    require_whole_pages(*lot.memory, text);
  }
  return lot;
}

std::vector<vfio::HostDevice> require_lot(const vfio::HostPci& host, const broker::LotSpec& lot) {
  std::vector<vfio::HostDevice> devices;
  devices.reserve(lot.addresses.size());
  for (const vfio::PciAddress& address : lot.addresses) {
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
      lot.kept().devices.files.interface == vfio::BackendChoice::kIommufd ? "iommufd" : "type1";
  const auto& memory = lot.spec().memory;
  const std::string with = memory.has_value() ? ", with " + to_string(*memory) : "";
  for (const vfio::PciAddress& address : lot.addresses()) {
    std::printf("%s is ready (%s%s)\n", to_string(address).c_str(), interface, with.c_str());
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
  for (const broker::LotSpec& lot : command.lots) {
    lots.push_back(require_lot(host, lot));
  }
  require_whole_groups(lots);
  warn_of_devices_without_reset(lots);
  vmm::Signals stop({SIGINT, SIGTERM});
  const auto open = [&](const broker::LotSpec& lot, const std::stop_token& ended) {
    return broker::keep(command.backend, host, require_lot(host, lot), lot.memory, ended);
  };
  broker::Broker broker({.lots = command.lots, .open = open, .on_ready = say_ready, .on_trouble = warn},
                        command.socket);
  broker.run(stop.fd());
  // One that is left would end us as the mask is given back.
  while (stop.next().has_value()) {
  }
}

}  // namespace mayfly::cli
