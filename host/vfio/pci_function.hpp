// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/event_interrupts.hpp"
#include "pci/pci_device.hpp"
#include "vfio/bar_windows.hpp"
#include "vfio/bus_master_gate.hpp"
#include "vfio/config_filter.hpp"
#include "vfio/device_access.hpp"
#include "vfio/intx.hpp"
#include "vfio/intx_use.hpp"
#include "vfio/message_vectors.hpp"
#include "vfio/msix_table.hpp"

namespace mayfly::vfio {

/// What a function is put together with; all outlive it.
struct FunctionParts {
  io::EventInterrupts& interrupts;
  GuestSlots& slots;
  BusMasterGate& gate;
  /// The pin of the guest's I/O APIC for its INTx.
  std::uint32_t pin = 0;
  IntxUse intx = IntxUse::kAuto;
  /// Given where other devices are to reach its BARs.
  Iommu* peers = nullptr;
};

/// A passed-through PCI function on the guest's bus: configuration space through ConfigFilter, BARs as memory
/// of the guest but for MSI-X table and pending bits, interrupts within the host's kernel.
///
/// The device cannot write to memory before the guest has set its bus master bit and that has passed the
/// gate; in the end it cannot again. Its memory decoding is on for VFIO all the time.
class PciFunction final : public pci::PciDevice {
 public:
  /// `device` is open, and so reset; `name` is for messages. Throws Error.
  PciFunction(std::unique_ptr<DeviceAccess> device, std::string name, const FunctionParts& parts);
  /// Ends bus mastering and interrupts. No vCPU runs any more.
  ~PciFunction() override;

  /// True when the guest finds an INTx that needs routing.
  [[nodiscard]] bool has_intx() const noexcept { return intx_.has_value(); }

  [[nodiscard]] std::span<const pci::Bar> bars() const noexcept override { return config_.space().bars(); }
  void place_bar(std::size_t index, std::uint64_t address) noexcept override;
  [[nodiscard]] std::optional<std::uint64_t> bar_address(std::size_t index) const noexcept override;
  void config_read(std::uint16_t offset, std::span<std::byte> data) noexcept override;
  void config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept override;
  [[nodiscard]] pci::ConfigReads config_reads() const noexcept override { return pci::ConfigReads::kLive; }
  void bar_read(std::size_t index, std::uint64_t offset, std::span<std::byte> data) noexcept override;
  void bar_write(std::size_t index, std::uint64_t offset, std::span<const std::byte> data) noexcept override;

 private:
  void add_messages(const FunctionParts& parts);
  // What follows comes with the mutex held, or from the constructor.
  void command_written() noexcept;
  void interrupts_written() noexcept;
  void msi_written() noexcept;
  void forward_command(std::uint16_t command) noexcept;
  void refused(const char* what) noexcept;

  std::string name_;
  std::unique_ptr<DeviceAccess> device_;
  BusMasterGate& gate_;
  mutable std::mutex mutex_;
  ConfigFilter config_;
  std::optional<MessageVectors> msi_;
  std::optional<MessageVectors> msix_vectors_;
  std::optional<MsixTable> msix_;
  /// Table and pending bits, in the BARs.
  std::array<Trapped, 2> trapped_{};
  std::optional<BarWindows> windows_;
  std::optional<Intx> intx_;
  std::uint16_t forwarded_command_ = 0;
  std::uint64_t last_log_ns_ = 0;
};

}  // namespace mayfly::vfio
