// SPDX-License-Identifier: Apache-2.0
#include "vmm/device_files.hpp"

#include <span>
#include <string>
#include <utility>
#include <variant>

#include "vfio/given_files.hpp"

namespace mayfly::vmm {
namespace {

/// Address and group, of those that a broker is to lend: it has looked at them, and lends none that cannot be
/// passed through.
std::vector<vfio::HostDevice> require_all(const std::vector<PassedDevice>& devices,
                                          const vfio::HostPci& host) {
  std::vector<vfio::HostDevice> found;
  found.reserve(devices.size());
  for (const PassedDevice& device : devices) {
    const auto group =
        std::holds_alternative<AtBroker>(device.opener) ? host.group_of(device.address) : std::nullopt;
    found.push_back(group.has_value() ? vfio::HostDevice{.address = device.address, .group = group}
                                      : vfio::require_assignable(host, device.address));
  }
  return found;
}

/// Empty where devices were given without descriptors.
std::vector<vfio::GivenFiles> given_to(const std::vector<PassedDevice>& devices) {
  std::vector<vfio::GivenFiles> given;
  for (const PassedDevice& device : devices) {
    if (const auto* const files = std::get_if<vfio::GivenFiles>(&device.opener)) {
      given.push_back(*files);
    }
  }
  return given;
}

/// The devices' files, by whoever opens them; with the connection to the broker where that is one.
broker::Lease get_files(const std::vector<PassedDevice>& devices, const vfio::HostPci& host,
                        std::span<const vfio::HostDevice> found, const broker::MemoryWanted& memory,
                        const StartWait& wait) {
  const PassedDevice& first = devices.front();
  if (const std::vector<vfio::GivenFiles> given = given_to(devices); !given.empty()) {
    broker::Lease files{{}, vfio::take_files(first.backend, given), {}};
    vfio::require_files(files.files, vfio::names_of(first.backend, given), host, found);
    return files;
  }
  if (const auto* const at = std::get_if<AtBroker>(&first.opener)) {
    std::vector<vfio::PciAddress> addresses;
    vfio::FileNames names{"what the broker at " + at->path + " lends as address space", {}};
    for (const vfio::HostDevice& device : found) {
      addresses.push_back(device.address);
      names.devices.push_back("what the broker at " + at->path + " lends as device " +
                              to_string(device.address));
    }
    broker::Lease lease = broker::take_devices(
        at->path, addresses, memory, wait_for_answer(wait, "the devices of the broker at " + at->path));
    vfio::require_files(lease.files, names, host, found);
    return lease;
  }
  return {{}, vfio::open_files(first.backend, host, found), {}};
}

}  // namespace

void require_given(const std::vector<PassedDevice>& devices) {
  if (const std::vector<vfio::GivenFiles> given = given_to(devices); !given.empty()) {
    vfio::require_open(devices.front().backend, given);
  }
}

DeviceFiles take_device_files(const std::vector<PassedDevice>& devices, const broker::MemoryWanted& memory,
                              const StartWait& wait) {
  const vfio::HostPci host;
  DeviceFiles files{require_all(devices, host), {}};
  files.lease = get_files(devices, host, files.devices, memory, wait);
  return files;
}

}  // namespace mayfly::vmm
