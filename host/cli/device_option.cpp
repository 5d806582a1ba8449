// SPDX-License-Identifier: Apache-2.0
#include "cli/device_option.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

using vfio::BackendChoice;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error("--device '" + std::string(text) + "': " + std::string(why));
}

/// The text up to the next comma, taken off the front.
std::string_view take_part(std::string_view& rest) noexcept {
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view part = rest.substr(0, comma);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return part;
}

std::optional<BackendChoice> backend_named(std::string_view word) noexcept {
  constexpr std::pair<std::string_view, BackendChoice> kChoices[] = {
      {"auto", BackendChoice::kAuto}, {"type1", BackendChoice::kType1}, {"iommufd", BackendChoice::kIommufd}};
  for (const auto& [name, choice] : kChoices) {
    if (word == name) {
      return choice;
    }
  }
  return std::nullopt;
}

void set_key(vmm::PassedDevice& device, std::string_view text, std::string_view part) {
  const std::size_t equals = std::min(part.find('='), part.size());
  const std::string_view key = part.substr(0, equals);
  const std::string_view value = part.substr(std::min(equals + 1, part.size()));
  if (key == "iommu") {
    const auto backend = backend_named(value);
    if (!backend.has_value()) {
      refuse(text, "iommu is auto, type1 or iommufd");
    }
    device.backend = *backend;
  } else if (key == "peers" && (value == "yes" || value == "no")) {
    device.peers = value == "yes" ? vmm::DevicePeers::kYes : vmm::DevicePeers::kNo;
  } else {
    refuse(text, "after the address there may be iommu=auto|type1|iommufd and peers=yes|no");
  }
}

vmm::PassedDevice check_device(std::string_view text) {
  constexpr std::string_view kVfio = "vfio=";
  if (!text.starts_with(kVfio)) {
    refuse(text, "write vfio=ADDRESS, such as vfio=0000:01:00.0");
  }
  std::string_view rest = text.substr(kVfio.size());
  const auto address = vfio::parse_pci_address(take_part(rest));
  if (!address.has_value()) {
    refuse(text, "not a PCI address; write it as lspci -D does, such as vfio=0000:01:00.0");
  }
  vmm::PassedDevice device{.address = *address};
  while (!rest.empty()) {
    set_key(device, text, take_part(rest));
  }
  return device;
}

}  // namespace

std::vector<vmm::PassedDevice> check_devices(const std::vector<std::string>& texts) {
  std::vector<vmm::PassedDevice> devices;
  std::optional<BackendChoice> backend;
  for (const std::string& text : texts) {
    vmm::PassedDevice device = check_device(text);
    if (std::ranges::find(devices, device.address, &vmm::PassedDevice::address) != devices.end()) {
      refuse(text, "the device is named twice");
    }
    if (device.backend != BackendChoice::kAuto) {
      if (backend.value_or(device.backend) != device.backend) {
        refuse(text, "all devices of a guest share one IOMMU; give the same iommu= to each");
      }
      backend = device.backend;
    }
    devices.push_back(device);
  }
  for (vmm::PassedDevice& device : devices) {
    device.backend = backend.value_or(BackendChoice::kAuto);
  }
  return devices;
}

}  // namespace mayfly::cli
