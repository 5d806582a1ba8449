// SPDX-License-Identifier: Apache-2.0
#include "cli/device_command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/error.hpp"
#include "cli/text_table.hpp"
#include "vfio/binding.hpp"

namespace mayfly::cli {
namespace {

std::string hex(std::uint32_t value, int digits) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%0*x", digits, value);
  return text.data();
}

std::string number_or_dash(const std::optional<std::uint32_t>& value) {
  return value.has_value() ? std::to_string(*value) : "-";
}

std::string text_or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string list(const std::vector<vfio::HostDevice>& devices) {
  std::vector<std::vector<std::string>> rows{{"ADDRESS", "ID", "CLASS", "DRIVER", "GROUP", "NODE", "RESET"}};
  for (const vfio::HostDevice& device : devices) {
    rows.push_back({to_string(device.address), hex(device.vendor, 4) + ":" + hex(device.device, 4),
                    hex(device.class_code, 6), text_or_dash(device.driver), number_or_dash(device.group),
                    number_or_dash(device.numa_node), text_or_dash(device.reset_methods)});
  }
  return text_table(rows);
}

}  // namespace

std::string run_device_command(const DeviceCommand& command, const vfio::HostPci& host) {
  if (command.action == DeviceAction::kList) {
    return list(host.all());
  }
  if (command.action == DeviceAction::kBind) {
    bind_to_vfio(host, command.addresses);
  } else {
    unbind_from_vfio(host, command.addresses);
  }
  std::vector<vfio::HostDevice> devices;
  for (const vfio::PciAddress& address : command.addresses) {
    if (auto device = host.find(address)) {
      devices.push_back(*std::move(device));
    }
  }
  return list(devices);
}

DeviceCommand check_device_command(const std::vector<std::string>& words) {
  constexpr std::pair<std::string_view, DeviceAction> kActions[] = {
      {"list", DeviceAction::kList}, {"bind", DeviceAction::kBind}, {"unbind", DeviceAction::kUnbind}};
  const std::string& action = words.empty() ? std::string() : words.front();
  const auto* const found =
      std::ranges::find(kActions, action, &std::pair<std::string_view, DeviceAction>::first);
  if (found == std::end(kActions)) {
    throw Error((words.empty() ? std::string("no action given") : "no action '" + action + "'") +
                "; say list, bind, unbind or serve, see mayfly device --help");
  }
  DeviceCommand command{.action = found->second};
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const auto address = vfio::parse_pci_address(*word);
    if (!address.has_value()) {
      throw Error("'" + *word + "' is not a PCI address; write it as lspci -D does, such as 0000:01:00.0");
    }
    if (std::ranges::find(command.addresses, *address) != command.addresses.end()) {
      throw Error("device " + to_string(*address) + " is named twice");
    }
    command.addresses.push_back(*address);
  }
  if ((command.action == DeviceAction::kList) != command.addresses.empty()) {
    throw Error(command.addresses.empty() ? "no device given; see mayfly device --help"
                                          : "mayfly device list takes no address");
  }
  return command;
}

}  // namespace mayfly::cli
