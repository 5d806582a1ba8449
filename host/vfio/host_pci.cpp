// SPDX-License-Identifier: Apache-2.0
#include "vfio/host_pci.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"
#include "base/text_file.hpp"

namespace mayfly::vfio {
namespace {

namespace fs = std::filesystem;

/// The number in a file, with or without "0x"; nothing for "-1" or no file.
std::optional<std::uint32_t> number_in(const fs::path& path, int base) {
  const std::string line = first_line_of(path);
  const std::string_view digits = std::string_view(line).substr(line.starts_with("0x") ? 2 : 0);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return error == std::errc() && end != digits.data() ? std::optional(value) : std::nullopt;
}

/// The last part of what a link points at; empty when there is none.
std::string target_name(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error).filename().string();
}

std::vector<HostDevice> devices_in(const HostPci& host, const fs::path& folder) {
  std::vector<HostDevice> devices;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const auto address = parse_pci_address(entry->path().filename().string());
    auto device = address.has_value() ? host.find(*address) : std::nullopt;
    if (device.has_value()) {
      devices.push_back(*std::move(device));
    }
  }
  std::ranges::sort(devices, {}, &HostDevice::address);
  return devices;
}

}  // namespace

std::string HostPci::path_of(const PciAddress& address) const {
  return root_ + "/sys/bus/pci/devices/" + to_string(address);
}

std::optional<HostDevice> HostPci::find(const PciAddress& address) const {
  const fs::path path = path_of(address);
  const auto vendor = number_in(path / "vendor", 16);
  if (!vendor.has_value()) {
    return std::nullopt;
  }
  HostDevice device{.address = address};
  device.vendor = static_cast<std::uint16_t>(*vendor);
  device.device = static_cast<std::uint16_t>(number_in(path / "device", 16).value_or(0));
  device.class_code = number_in(path / "class", 16).value_or(0);
  device.driver = target_name(path / "driver");
  device.group = group_of(address);
  device.numa_node = number_in(path / "numa_node", 10);
  device.reset_methods = first_line_of(path / "reset_method");
  return device;
}

std::optional<std::uint32_t> HostPci::group_of(const PciAddress& address) const {
  const std::string name = target_name(fs::path(path_of(address)) / "iommu_group");
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  return error == std::errc() && !name.empty() && end == name.data() + name.size() ? std::optional(value)
                                                                                   : std::nullopt;
}

std::vector<HostDevice> HostPci::all() const { return devices_in(*this, root_ + "/sys/bus/pci/devices"); }

std::vector<HostDevice> HostPci::group(std::uint32_t group) const {
  return devices_in(*this, root_ + "/sys/kernel/iommu_groups/" + std::to_string(group) + "/devices");
}

bool leaves_group_viable(const HostDevice& device) noexcept {
  // drivers/vfio/group.c, vfio_dev_viable and iommu_group_claim_dma_owner: no driver, a driver of VFIO, or
  // one that manages no DMA of its own.
  constexpr std::array<std::string_view, 4> kHarmless{"", kVfioDriver, "pci-stub", "pcieport"};
  return std::ranges::find(kHarmless, device.driver) != kHarmless.end();
}

std::string with_drivers(const std::vector<HostDevice>& devices) {
  std::string text;
  for (const HostDevice& device : devices) {
    text += text.empty() ? "" : ", ";
    text += to_string(device.address) + " (" + (device.driver.empty() ? "no driver" : device.driver) + ")";
  }
  return text;
}

HostDevice require_assignable(const HostPci& host, const PciAddress& address) {
  const std::string name = to_string(address);
  std::optional<HostDevice> device = host.find(address);
  if (!device.has_value()) {
    throw Error("there is no PCI device " + name + "; `mayfly device list` shows those that are");
  }
  if (device->is_bridge()) {
    throw Error("device " + name + " is a bridge, which cannot be passed through; name a device behind it");
  }
  if (!device->group.has_value()) {
    throw Error("device " + name +
                " has no IOMMU group; turn the IOMMU on in the firmware, and for Intel boot the host with "
                "intel_iommu=on");
  }
  if (device->driver != kVfioDriver) {
    throw Error("device " + name + " is bound to " +
                (device->driver.empty() ? "no driver" : "the driver " + device->driver) +
                ", not to vfio-pci; `mayfly device bind " + name + "` does that");
  }
  std::vector<HostDevice> others = host.group(*device->group);
  std::erase_if(others, [](const HostDevice& other) { return leaves_group_viable(other); });
  if (!others.empty()) {
    throw Error("IOMMU group " + std::to_string(*device->group) + " of device " + name +
                " is not viable: the host still uses " + with_drivers(others) +
                "; bind all of the group to vfio-pci, or none");
  }
  return *std::move(device);
}

}  // namespace mayfly::vfio
