// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "boot/timeline.hpp"
#include "memory/guest_memory.hpp"
#include "vfio/backend.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// A passed-through device, open and reset.
struct OpenDevice {
  /// Its address in the host.
  std::string name;
  std::unique_ptr<vfio::DeviceAccess> access;
  DevicePeers peers = DevicePeers::kNo;
};

/// Opens devices and maps guest memory for them, on threads of its own from construction on: each device on
/// one, since a reset sleeps up to a second, and the map on another where the kernel lets both be done at
/// once.
class Passthrough {
 public:
  /// Looks at the devices first. Marks kOpenBegin to kDmaMapEnd. `memory` and `timeline` outlive this. Throws
  /// Error, naming the device, when one cannot be passed through. Block signals before.
  Passthrough(const std::vector<PassedDevice>& devices, const GuestMemory& memory,
              boot::BootTimeline& timeline);
  Passthrough(const Passthrough&) = delete;
  Passthrough& operator=(const Passthrough&) = delete;
  /// Joins. Devices that wait() gave out are gone before.
  ~Passthrough() = default;

  /// Waits until all memory is mapped and all devices are open; these, in the order in which they were named.
  /// Throws Error. Once, by one thread.
  [[nodiscard]] std::vector<OpenDevice> wait();
  [[nodiscard]] vfio::Iommu& iommu() noexcept { return *backend_; }

 private:
  void run() noexcept;
  void open_all();
  void map_all();

  const GuestMemory& memory_;
  boot::BootTimeline& timeline_;
  std::vector<vfio::HostDevice> found_;
  std::unique_ptr<vfio::Backend> backend_;
  std::vector<OpenDevice> open_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::vmm
