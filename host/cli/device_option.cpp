// SPDX-License-Identifier: Apache-2.0
#include "cli/device_option.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/choice.hpp"
#include "cli/quantity.hpp"
#include "cli/refuse.hpp"

namespace mayfly::cli {
namespace {

using vfio::BackendChoice;

/// A device as far as its text has been read; descriptors are -1 until they are named.
struct Parts {
  vmm::PassedDevice device{};
  std::optional<BackendChoice> iommu{};
  std::string broker{};
  int container = -1;
  int group = -1;
  int iommufd = -1;
  int file = -1;
};

constexpr std::pair<std::string_view, int Parts::*> kDescriptors[] = {{"container", &Parts::container},
                                                                      {"group", &Parts::group},
                                                                      {"iommufd", &Parts::iommufd},
                                                                      {"device", &Parts::file}};

/// Takes the value of a key that names a descriptor; whether it is one.
bool set_descriptor(Parts& parts, std::string_view text, std::string_view key, std::string_view value) {
  const auto* const found =
      std::ranges::find(kDescriptors, key, [](const auto& entry) { return entry.first; });
  if (found == std::end(kDescriptors)) {
    return false;
  }
  const auto number = parse_descriptor(value);
  if (!number.has_value()) {
    refuse("--device", text,
           std::string(key) + " is the number of a descriptor that mayfly was started with, 3 or more");
  }
  parts.*found->second = *number;
  return true;
}

void set_key(Parts& parts, std::string_view text, const Setting& setting) {
  const auto& [key, value] = setting;
  if (key == "iommu") {
    parts.iommu = parse_iommu(value);
    if (!parts.iommu.has_value()) {
      refuse("--device", text, "iommu is auto, type1 or iommufd");
    }
  } else if (key == "peers" && (value == "yes" || value == "no")) {
    parts.device.peers = value == "yes" ? vmm::DevicePeers::kYes : vmm::DevicePeers::kNo;
  } else if (key == "intx" && (value == "auto" || value == "yes")) {
    parts.device.intx = value == "yes" ? vfio::IntxUse::kYes : vfio::IntxUse::kAuto;
  } else if (key == "broker" && !value.empty()) {
    parts.broker = value;
  } else if (!set_descriptor(parts, text, key, value)) {
    refuse("--device", text,
           "after the address there may be iommu=auto|type1|iommufd, peers=yes|no, intx=auto|yes, "
           "broker=PATH, container=N,group=N and iommufd=N,device=N");
  }
}

/// Who opens the device, and by which interface.
vmm::PassedDevice finish(Parts parts, std::string_view text) {
  const bool type1 = parts.container >= 0 || parts.group >= 0;
  const bool iommufd = parts.iommufd >= 0 || parts.file >= 0;
  if ((type1 && (parts.container < 0 || parts.group < 0)) ||
      (iommufd && (parts.iommufd < 0 || parts.file < 0)) || (type1 && iommufd)) {
    refuse("--device", text, "the descriptors are container=N,group=N or iommufd=N,device=N");
  }
  const bool at_broker = !parts.broker.empty();
  if (at_broker && (type1 || iommufd)) {
    refuse("--device", text, "the descriptors come from the broker, or are given: name one of both");
  }
  if (parts.iommu.has_value() && (at_broker || type1 || iommufd)) {
    refuse("--device", text, "who has opened the device has chosen the iommu= already");
  }
  if (at_broker) {
    parts.device.opener = vmm::AtBroker{std::move(parts.broker)};
  } else if (type1) {
    parts.device.opener = vfio::GivenFiles{parts.container, parts.group};
  } else if (iommufd) {
    parts.device.opener = vfio::GivenFiles{parts.iommufd, parts.file};
  }
  parts.device.backend = type1     ? BackendChoice::kType1
                         : iommufd ? BackendChoice::kIommufd
                                   : parts.iommu.value_or(BackendChoice::kAuto);
  return parts.device;
}

vmm::PassedDevice check_device(std::string_view text) {
  constexpr std::string_view kVfio = "vfio=";
  if (!text.starts_with(kVfio)) {
    refuse("--device", text, "write vfio=ADDRESS, such as vfio=0000:01:00.0");
  }
  std::string_view rest = text.substr(kVfio.size());
  const auto address = vfio::parse_pci_address(take_part(rest));
  if (!address.has_value()) {
    refuse("--device", text, "not a PCI address; write it as lspci -D does, such as vfio=0000:01:00.0");
  }
  Parts parts{.device = {.address = *address}};
  while (!rest.empty()) {
    set_key(parts, text, take_setting(rest));
  }
  return finish(std::move(parts), text);
}

/// Devices of one guest share an address space, so one broker or one caller has opened all of them, or
/// nobody.
void require_one_opener(const vmm::PassedDevice& first, const vmm::PassedDevice& device,
                        std::string_view text) {
  const auto* const broker = std::get_if<vmm::AtBroker>(&first.opener);
  const auto* const given = std::get_if<vfio::GivenFiles>(&first.opener);
  if (first.opener.index() != device.opener.index() ||
      (broker != nullptr && broker->path != std::get<vmm::AtBroker>(device.opener).path) ||
      (given != nullptr && given->space != std::get<vfio::GivenFiles>(device.opener).space)) {
    refuse("--device", text,
           "all devices of a guest share one IOMMU; give the same broker=, container= or iommufd= to each");
  }
}

}  // namespace

std::optional<BackendChoice> parse_iommu(std::string_view word) noexcept {
  constexpr Choice<BackendChoice> kChoices[] = {
      {"auto", BackendChoice::kAuto}, {"type1", BackendChoice::kType1}, {"iommufd", BackendChoice::kIommufd}};
  return find_choice(word, kChoices);
}

std::vector<vmm::PassedDevice> check_devices(const std::vector<std::string>& texts) {
  std::vector<vmm::PassedDevice> devices;
  std::optional<BackendChoice> backend;
  for (const std::string& text : texts) {
    vmm::PassedDevice device = check_device(text);
    if (std::ranges::find(devices, device.address, &vmm::PassedDevice::address) != devices.end()) {
      refuse("--device", text, "the device is named twice");
    }
    if (device.backend != BackendChoice::kAuto) {
      if (backend.value_or(device.backend) != device.backend) {
        refuse("--device", text, "all devices of a guest share one IOMMU; give the same iommu= to each");
      }
      backend = device.backend;
    }
    if (!devices.empty()) {
      require_one_opener(devices.front(), device, text);
    }
    devices.push_back(std::move(device));
  }
  for (vmm::PassedDevice& device : devices) {
    device.backend = backend.value_or(BackendChoice::kAuto);
  }
  return devices;
}

}  // namespace mayfly::cli
