// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/event_interrupts.hpp"
#include "io/msi_sink.hpp"
#include "memory/guest_memory.hpp"
#include "pci/config_space.hpp"
#include "pci/msix.hpp"
#include "pci/pci_device.hpp"
#include "pci/register_pages.hpp"
#include "pci/viewer.hpp"
#include "virtio/common_config.hpp"
#include "virtio/driver_link.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// A virtio device on PCI: the modern transport of virtio 1.2, 4.1, with MSI-X and without INTx.
///
///   BAR 0   +0x0000  common configuration      +0x2000  notifications, 4 bytes a queue
///           +0x0200  device configuration      +0x3000  ISR status
///           +0x1000  MSI-X table
///           +0x1800  MSI-X pending bits
///
/// Reads of the first two pages have no effect, and the guest may be shown them as memory.
///
/// Everything the guest does here happens on the vCPU's thread that does it, under the device's mutex: a
/// notification has been answered by the time that the vCPU goes on.
class PciTransport final : public pci::PciDevice, private DriverLink {
 public:
  /// `memory` and `sink` must outlive this.
  PciTransport(std::unique_ptr<VirtioDevice> device, GuestMemory& memory, io::MsiSink& sink);

  /// The first pages of BAR 0, kept up to date from now on, to be mapped read-only in the guest where the BAR
  /// is placed. Once, after place_bar() and before the vCPUs run; valid as long as the transport. `viewer`
  /// must outlive this. Throws Error.
  [[nodiscard]] const pci::RegisterPages& show_registers(pci::Viewer& viewer);

  /// Whether there are queues whose interrupts begin as events (VirtioDevice::interrupt_event).
  [[nodiscard]] bool has_events() const noexcept { return !events_.empty(); }
  /// Has them delivered by `interrupts`, which outlives this; what is pending while a vector is masked stands
  /// in no pending bit then. Once, before the vCPUs run, where there are such queues. Throws Error.
  void deliver_by(io::EventInterrupts& interrupts);

  /// As of VirtioDevice.
  void pause() noexcept { device_->pause(); }
  void resume() noexcept { device_->resume(); }

  /// Where in BAR 0 the driver rings for `queue`.
  [[nodiscard]] static constexpr std::uint64_t doorbell_at(std::size_t queue) noexcept {
    return kNotifyAt + kNotifyMultiplier * queue;
  }
  [[nodiscard]] const VirtioDevice& device() const noexcept { return *device_; }

  [[nodiscard]] std::span<const pci::Bar> bars() const noexcept override { return config_.bars(); }
  void place_bar(std::size_t index, std::uint64_t address) noexcept override;
  [[nodiscard]] std::optional<std::uint64_t> bar_address(std::size_t index) const noexcept override;
  void config_read(std::uint16_t offset, std::span<std::byte> data) noexcept override;
  void config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept override;
  /// Live once the guest has touched the configuration access capability, whose data are the device's.
  [[nodiscard]] pci::ConfigReads config_reads() const noexcept override;
  void bar_read(std::size_t index, std::uint64_t offset, std::span<std::byte> data) noexcept override;
  void bar_write(std::size_t index, std::uint64_t offset, std::span<const std::byte> data) noexcept override;

 private:
  static constexpr std::uint32_t kNotifyAt = 0x2000;
  static constexpr std::uint32_t kNotifyMultiplier = 4;

  // DriverLink: the device or one of its queues calls, with the mutex held.
  void queue_interrupt(std::uint16_t queue) noexcept override;
  void config_interrupt() noexcept override;
  void needs_reset(std::uint16_t queue, QueueFault fault) noexcept override;

  /// A queue whose interrupts begin as events.
  struct QueueEvents {
    std::uint16_t queue;
    int event;
    std::uint32_t line = 0;
    /// What each event sends now; nothing: they wait.
    std::optional<io::MsiMessage> sends{};
  };

  void add_capabilities();
  // What follows comes with the mutex held.
  void region_read(std::uint64_t offset, std::span<std::byte> data) noexcept;
  void region_write(std::uint64_t offset, std::span<const std::byte> data) noexcept;
  void notify(std::uint64_t offset) noexcept;
  void raise(std::uint16_t vector) noexcept;
  /// Has events sent where the driver wants them now.
  void follow_vectors() noexcept;
  /// Brings what the guest is shown up to date: all, or the region that begins there.
  void refresh_registers() noexcept;
  void refresh(std::uint32_t region) noexcept;
  /// The part of BAR 0 that the PCI configuration access capability points at (4.1.4.9); empty when what the
  /// guest wrote there makes no sense.
  struct ConfigAccess {
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
  };
  [[nodiscard]] ConfigAccess config_access() const noexcept;

  std::unique_ptr<VirtioDevice> device_;
  pci::ConfigSpace config_;
  pci::Msix msix_;
  CommonConfig common_;
  std::vector<QueueEvents> events_;
  io::EventInterrupts* interrupts_ = nullptr;
  std::optional<pci::RegisterPages> registers_;
  std::size_t config_access_at_ = 0;
  pci::ConfigReads config_reads_ = pci::ConfigReads::kPlain;
  std::uint8_t isr_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t last_log_ns_ = 0;
};

}  // namespace mayfly::virtio
