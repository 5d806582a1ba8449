// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "broker/client.hpp"
#include "vfio/host_pci.hpp"
#include "vmm/run_config.hpp"
#include "vmm/start_wait.hpp"

namespace mayfly::vmm {

/// Throws Error unless the descriptors that devices were given with are open. To be called before mayfly
/// opens a file, which could get such a number.
void require_given(const std::vector<PassedDevice>& devices);

/// Devices that are passed through, one or more, and their files by whoever opens those.
struct DeviceFiles {
  /// What is known of each; of a broker's that has looked at them, address and group.
  std::vector<vfio::HostDevice> devices;
  /// Of devices that are no broker's the connection is empty, and there is no memory.
  broker::Lease lease;
};

/// Looks at the devices, and opens their files or asks their broker for them. Throws Error, naming the
/// device, when one cannot be passed through; and EndedWaiting.
[[nodiscard]] DeviceFiles take_device_files(const std::vector<PassedDevice>& devices,
                                            const broker::MemoryWanted& memory, const StartWait& wait);

}  // namespace mayfly::vmm
