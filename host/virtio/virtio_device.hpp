// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>

#include "virtio/driver_link.hpp"
#include "virtio/spec.hpp"
#include "virtio/virt_queue.hpp"

namespace mayfly::virtio {

/// What a device gets when its driver says DRIVER_OK; all of it stays valid until reset().
struct Activation {
  /// What was negotiated; a subset of what was offered, with VERSION_1.
  std::uint64_t features = 0;
  /// One for each of queue_sizes(); those that the driver left out never have a chain.
  std::span<VirtQueue> queues;
  DriverLink* link = nullptr;
};

/// A device without its transport (virtio 1.2, chapter 2).
///
/// All calls but mutex(), pause() and resume() come with mutex() held, from any vCPU thread; what reaches the
/// device from elsewhere (a console's wake()) takes it too. Calls are bounded in time whatever the driver
/// does, and do not allocate.
class VirtioDevice {
 public:
  VirtioDevice() = default;
  VirtioDevice(const VirtioDevice&) = delete;
  VirtioDevice& operator=(const VirtioDevice&) = delete;
  virtual ~VirtioDevice() = default;

  [[nodiscard]] virtual DeviceId id() const noexcept = 0;
  /// The largest size of each queue: powers of two up to VirtQueue::kSizeMax. Does not change.
  [[nodiscard]] virtual std::span<const std::uint16_t> queue_sizes() const noexcept = 0;
  /// How many interrupts it has: one for the configuration and one for all queues, unless it is worth more to
  /// a driver. Linux takes one for each queue where it can, and at boot pays for each: an interrupt to set
  /// up, and four writes to the table, which are exits. With two it falls back to sharing
  /// (drivers/virtio/virtio_pci_common.c, vp_find_vqs), and asks each queue at an interrupt. Does not change.
  [[nodiscard]] virtual std::uint16_t vectors() const noexcept { return 2; }
  /// Beside VERSION_1, which the transport adds. Does not change.
  [[nodiscard]] virtual std::uint64_t offered_features() const noexcept = 0;
  /// The device configuration, as the guest reads it; its size does not change.
  [[nodiscard]] virtual std::span<const std::byte> config() const noexcept { return {}; }
  /// The driver wrote to the device configuration. A device whose fields are all read-only ignores it.
  virtual void write_config(std::size_t /*offset*/, std::span<const std::byte> /*data*/) noexcept {}
  /// DRIVER_OK.
  virtual void activate(const Activation& activation) noexcept = 0;
  /// The driver made buffers available in `queue`, one of queue_sizes(); only between activate() and reset().
  virtual void notify(std::uint16_t queue) noexcept = 0;
  /// An eventfd that stands for notify() of `queue`, for the host's kernel to write: notify() is then not
  /// sure to be called. -1: there is none. Does not change; queues may share it.
  [[nodiscard]] virtual int doorbell(std::size_t /*queue*/) const noexcept { return -1; }
  /// An eventfd by which another who serves `queue`, such as the host's kernel, says that it has used buffers
  /// of which the driver wants to hear. -1: it is the device that says so. Does not change; queues do not
  /// share it.
  [[nodiscard]] virtual int interrupt_event(std::size_t /*queue*/) const noexcept { return -1; }
  /// Forgets the driver: its queues are gone. Also comes when there was no activate().
  virtual void reset() noexcept = 0;

  /// What others do for the device, such as the host's kernel, stands still when this returns, or goes on.
  /// With the mutex not held; the threads of the machine hold still meanwhile.
  virtual void pause() noexcept {}
  virtual void resume() noexcept {}

  [[nodiscard]] std::mutex& mutex() const noexcept { return mutex_; }

 private:
  mutable std::mutex mutex_;
};

/// "virtio-console" and so on; static text.
[[nodiscard]] constexpr std::string_view name_of(DeviceId id) noexcept {
  switch (id) {
    case DeviceId::kNet:
      return "virtio-net";
    case DeviceId::kBlock:
      return "virtio-blk";
    case DeviceId::kConsole:
      return "virtio-console";
    case DeviceId::kEntropy:
      return "virtio-rng";
    case DeviceId::kBalloon:
      return "virtio-balloon";
    case DeviceId::kSocket:
      return "virtio-vsock";
    case DeviceId::kPmem:
      return "virtio-pmem";
  }
  return "virtio device";
}

}  // namespace mayfly::virtio
