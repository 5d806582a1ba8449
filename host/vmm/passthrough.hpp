// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "boot/timeline.hpp"
#include "memory/guest_memory.hpp"
#include "memory/populate.hpp"
#include "vfio/backend.hpp"
#include "vfio/dma_gate.hpp"
#include "vfio/dma_map.hpp"
#include "vmm/device_files.hpp"
#include "vmm/exit_handler.hpp"
#include "vmm/run_config.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// A passed-through device, open and reset.
struct OpenDevice {
  /// Its address in the host.
  std::string name;
  std::unique_ptr<vfio::DeviceAccess> access;
  DevicePeers peers = DevicePeers::kNo;
  vfio::IntxUse intx = vfio::IntxUse::kAuto;
};

/// Guest memory, for devices.
struct DeviceMemory {
  const GuestMemory& memory;
  /// Of a page of the host's, bytes: nothing smaller is mapped.
  std::uint64_t page_bytes;
  /// The lowest memory, bytes: mapped first, and without anybody asking. Absent: 256 MiB, or nothing where
  /// that would keep the only processor from a guest whose devices are open already.
  std::optional<std::uint64_t> window_bytes;
  /// It is mapped already, all of it.
  bool is_mapped = false;
};

/// Opens devices and makes guest memory reachable for them, on threads of its own from construction on: each
/// device on one, since a reset sleeps up to a second, and the map on others, beside that where the kernel
/// lets both be done at once. Devices of a broker are open when it is constructed.
///
/// The guest runs while memory is being mapped: the window, what a device's bus master bit waits for at
/// gate(), and what the guest asks back of held(). The rest begins when the guest says that it is ready:
/// populating is a processor's and the memory's whole work, which before that would only delay the boot. A
/// guest that never says so still gets all that it asks for.
class Passthrough final : public ReadyObserver {
 public:
  /// Marks kOpenBegin and kOpenEnd. `memory`, `down` and `timeline` outlive this; `down` is told when the
  /// host refuses to map after guest_starts(). Throws Error, naming the device, when one cannot be passed
  /// through. Block signals before.
  Passthrough(const std::vector<PassedDevice>& devices, DeviceFiles files, const DeviceMemory& memory,
              VmDown& down, boot::BootTimeline& timeline);
  Passthrough(const Passthrough&) = delete;
  Passthrough& operator=(const Passthrough&) = delete;
  /// Joins. Devices that wait() gave out, and whoever uses held() and gate(), are gone before.
  ~Passthrough() override = default;

  /// True where a device interrupts by a pin of the guest's I/O APIC, and where that is not known before it
  /// is reset. Before wait().
  [[nodiscard]] bool may_use_pins() const noexcept;
  /// Waits until all devices are open; these, in the order in which they were named. Throws Error. Once, by
  /// one thread, and before all that follows.
  [[nodiscard]] std::vector<OpenDevice> wait();
  [[nodiscard]] vfio::Iommu& iommu() noexcept { return *backend_; }
  /// All memory was mapped before the guest was made: it need not hold any back.
  [[nodiscard]] bool is_mapped() const noexcept { return memory_.is_mapped; }
  /// Unless is_mapped().
  [[nodiscard]] HeldMemory& held() noexcept { return *map_; }
  [[nodiscard]] vfio::BusMasterGate& gate() noexcept { return *gate_; }

  /// To be called before the first vCPU runs. Throws Error when the host has refused to map so far.
  void guest_starts();
  void on_ready() noexcept override;
  /// Ends every wait at gate(), and begins nothing more. Any thread.
  void request_stop() noexcept;

  /// What the map has done so far. Any thread.
  [[nodiscard]] vfio::DmaCounters counters() const noexcept;
  /// True once the host has refused to map. Any thread.
  [[nodiscard]] bool has_failed() const noexcept { return map_.has_value() && map_->failure().has_value(); }
  /// What the host refused, once `down` was told so: a sentence with cause and mend.
  [[nodiscard]] std::string describe_failure() const { return map_->describe_failure(); }

 private:
  /// Each device on a thread, or one after the other.
  void open_all(std::launch how);
  /// Begins the map, if there is one to make and this is its time.
  void begin_map_at(vfio::Backend::MapTime time);

  DeviceMemory memory_;
  bool opens_here_;
  VmDown& down_;
  boot::BootTimeline& timeline_;
  std::vector<vfio::HostDevice> found_;
  /// The connection to the broker that lends us the devices, which lasts as long as we have their files.
  Fd lease_;
  MadvisePopulate populate_;
  std::unique_ptr<vfio::Backend> backend_;
  // None where memory is mapped already.
  std::optional<vfio::DmaMap> map_;
  std::unique_ptr<vfio::BusMasterGate> gate_;
  /// CLOCK_MONOTONIC, where memory was mapped already: when it was taken over.
  std::uint64_t mapped_ns_ = 0;
  std::vector<OpenDevice> open_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::vmm
