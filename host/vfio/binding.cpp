// SPDX-License-Identifier: Apache-2.0
#include "vfio/binding.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "vfio/device_use.hpp"

namespace mayfly::vfio {
namespace {

/// Writes to a file of /sys by one call, as it wants. Throws Error.
void write_sys(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const int failure = errno;
    throw Error(failure, "cannot write to " + path +
                             (failure == EACCES || failure == EPERM ? " (are you root?)" : ""));
  }
}

HostDevice require_device(const HostPci& host, const PciAddress& address) {
  std::optional<HostDevice> device = host.find(address);
  if (!device.has_value()) {
    throw Error("there is no PCI device " + to_string(address) +
                "; `mayfly device list` shows those that are");
  }
  return *std::move(device);
}

void require_free(const HostPci& host, const HostDevice& device) {
  const std::vector<std::string> uses = uses_of(host, device.address);
  if (!uses.empty()) {
    throw Error("device " + to_string(device.address) + " is in use: " + uses.front() + "; end that first");
  }
}

void require_whole_group(const HostPci& host, const HostDevice& device, std::span<const PciAddress> wanted) {
  std::vector<HostDevice> others = host.group(device.group.value());
  std::erase_if(others, [&](const HostDevice& other) {
    return leaves_group_viable(other) || std::ranges::find(wanted, other.address) != wanted.end();
  });
  if (!others.empty()) {
    throw Error("IOMMU group " + std::to_string(device.group.value()) + " of device " +
                to_string(device.address) + " would not be viable: the host uses " + with_drivers(others) +
                " of it; name all of the group, or choose another device");
  }
}

/// Has the kernel look for a driver, after the one that is there now has let go.
void rebind(const HostPci& host, const HostDevice& device, const std::string& override_with) {
  const std::string path = host.path_of(device.address);
  const std::string name = to_string(device.address);
  write_sys(path + "/driver_override", override_with + "\n");
  if (!device.driver.empty()) {
    write_sys(path + "/driver/unbind", name);
  }
  write_sys(host.root() + "/sys/bus/pci/drivers_probe", name);
}

}  // namespace

void bind_to_vfio(const HostPci& host, std::span<const PciAddress> addresses) {
  std::vector<HostDevice> devices;
  for (const PciAddress& address : addresses) {
    HostDevice device = require_device(host, address);
    if (device.is_bridge()) {
      throw Error("device " + to_string(address) + " is a bridge, which cannot be passed through");
    }
    if (!device.group.has_value()) {
      throw Error("device " + to_string(address) +
                  " has no IOMMU group; turn the IOMMU on in the firmware, and for Intel boot the host with "
                  "intel_iommu=on");
    }
    require_free(host, device);
    require_whole_group(host, device, addresses);
    devices.push_back(std::move(device));
  }
  const std::string driver = host.root() + "/sys/bus/pci/drivers/" + kVfioDriver;
  if (::access(driver.c_str(), F_OK) != 0) {
    throw Error("the host has no driver vfio-pci; load it: modprobe vfio-pci");
  }
  for (const HostDevice& device : devices) {
    if (device.driver == kVfioDriver) {
      continue;
    }
    rebind(host, device, kVfioDriver);
    if (require_device(host, device.address).driver != kVfioDriver) {
      throw Error("vfio-pci did not take device " + to_string(device.address) + "; see the kernel's log");
    }
  }
}

void unbind_from_vfio(const HostPci& host, std::span<const PciAddress> addresses) {
  std::vector<HostDevice> devices;
  for (const PciAddress& address : addresses) {
    HostDevice device = require_device(host, address);
    if (device.driver != kVfioDriver) {
      throw Error("device " + to_string(address) + " is bound to " +
                  (device.driver.empty() ? "no driver" : "the driver " + device.driver) +
                  ", not to vfio-pci");
    }
    if (device.group.has_value()) {
      const std::string group = host.dev("vfio/" + std::to_string(*device.group));
      const Fd file(::open(group.c_str(), O_RDWR | O_CLOEXEC));
      if (!file && errno == EBUSY) {
        throw Error("device " + to_string(address) + " is in use by another process (" + group + ")");
      }
    }
    devices.push_back(std::move(device));
  }
  for (const HostDevice& device : devices) {
    rebind(host, device, "");
  }
}

}  // namespace mayfly::vfio
