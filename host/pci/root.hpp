// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "io/io_device.hpp"
#include "memory/guest_address.hpp"
#include "pci/bus.hpp"
#include "pci/config_ports.hpp"
#include "pci/pci_device.hpp"

namespace mayfly::pci {

/// Where the guest finds PCI; the ACPI tables say the same.
struct Windows {
  /// Exactly 1 MiB: one bus.
  GuestRange ecam;
  /// Below 4 GiB, for 32-bit BARs.
  GuestRange mmio32;
  /// For 64-bit BARs.
  GuestRange mmio64;
};

/// The PCI root: bus 0 with a host bridge in slot 0 and up to 31 devices, and its faces on the I/O buses.
///
/// Built by one thread, BARs placed on the way, so that a guest has nothing to assign; then used by any vCPU
/// thread. A guest may move BARs: they answer wherever they lie inside a window.
class Root {
 public:
  /// Throws Error when the ECAM range is not one bus.
  explicit Root(const Windows& windows);

  /// Puts `device` into the next free slot and its BARs into the windows, in order, and returns the slot
  /// (device number). Throws Error when the bus or a window is full.
  std::size_t add(std::unique_ptr<PciDevice> device);

  /// As Bus::show_config(): the first part of windows.ecam, to be mapped read-only in the guest over ecam().
  [[nodiscard]] std::span<std::byte> show_config(Viewer& viewer) { return bus_.show_config(viewer); }

  /// To be attached at windows.ecam.
  [[nodiscard]] io::IoDevice& ecam() noexcept { return ecam_; }
  /// To be attached at port ConfigPorts::kFirst, or asked ahead of the bus.
  [[nodiscard]] ConfigPorts& ports() noexcept { return ports_; }
  /// To be attached at windows.mmio32 and windows.mmio64.
  [[nodiscard]] io::IoDevice& window32() noexcept { return window32_; }
  [[nodiscard]] io::IoDevice& window64() noexcept { return window64_; }

 private:
  /// Memory-mapped configuration space, 4 KiB a function (PCI Express 3.0, 7.2.2).
  class Ecam final : public io::IoDevice {
   public:
    explicit Ecam(Bus& bus) noexcept : bus_(bus) {}
    [[nodiscard]] std::string_view name() const noexcept override { return "PCI ECAM"; }
    void read(std::uint64_t offset, std::span<std::byte> data) noexcept override;
    void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override;

   private:
    Bus& bus_;
  };

  /// A range of addresses that BARs can be in, and the part of it that is given out.
  class Window final : public io::IoDevice {
   public:
    Window(const Bus& bus, GuestRange range) noexcept : bus_(bus), range_(range) {}
    /// The next free address for `bar`. Throws Error when there is none.
    [[nodiscard]] std::uint64_t allocate(const Bar& bar);
    [[nodiscard]] std::string_view name() const noexcept override { return "PCI window"; }
    void read(std::uint64_t offset, std::span<std::byte> data) noexcept override;
    void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override;

   private:
    const Bus& bus_;
    GuestRange range_;
    std::uint64_t used_ = 0;
  };

  Bus bus_;
  Ecam ecam_;
  ConfigPorts ports_;
  Window window32_;
  Window window64_;
  std::size_t next_slot_ = 0;
};

}  // namespace mayfly::pci
