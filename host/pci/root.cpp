// SPDX-License-Identifier: Apache-2.0
#include "pci/root.hpp"

#include <string>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "pci/host_bridge.hpp"

namespace mayfly::pci {
namespace {

// PCI Express 3.0, table 7-1: bus in bits 27:20, which is 0 in a window of one bus.
constexpr std::size_t slot_of(std::uint64_t ecam_offset) noexcept { return ecam_offset >> 15U & 0x1fU; }
constexpr bool is_function_0(std::uint64_t ecam_offset) noexcept { return (ecam_offset >> 12U & 7U) == 0; }
constexpr std::uint16_t register_of(std::uint64_t ecam_offset) noexcept {
  return static_cast<std::uint16_t>(ecam_offset & 0xfffU);
}

}  // namespace

Root::Root(const Windows& windows)
    : ecam_(bus_), ports_(bus_), window32_(bus_, windows.mmio32), window64_(bus_, windows.mmio64) {
  if (windows.ecam.bytes != kMiB) {
    throw Error("the PCI configuration window must be 1 MiB, one bus");
  }
  add(std::make_unique<HostBridge>());
}

std::size_t Root::add(std::unique_ptr<PciDevice> device) {
  if (next_slot_ == Bus::kSlots) {
    throw Error("more than " + std::to_string(Bus::kSlots - 1) + " PCI devices");
  }
  const std::span<const Bar> bars = device->bars();
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].bytes > 0) {
      device->place_bar(i, (bars[i].width == BarWidth::k64 ? window64_ : window32_).allocate(bars[i]));
    }
  }
  bus_.add(next_slot_, std::move(device));
  return next_slot_++;
}

void Root::Ecam::read(std::uint64_t offset, std::span<std::byte> data) noexcept {
  if (is_function_0(offset)) {
    bus_.config_read(slot_of(offset), register_of(offset), data);
  }
}

void Root::Ecam::write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  if (is_function_0(offset)) {
    bus_.config_write(slot_of(offset), register_of(offset), data);
  }
}

std::uint64_t Root::Window::allocate(const Bar& bar) {
  const std::uint64_t start = range_.start.raw();
  const std::uint64_t at = align_up(start + used_, bar.bytes) - start;
  if (at > range_.bytes || bar.bytes > range_.bytes - at) {
    throw Error("no room for a PCI BAR of " + std::to_string(bar.bytes) + " bytes: its window has " +
                std::to_string(range_.bytes));
  }
  used_ = at + bar.bytes;
  return start + at;
}

void Root::Window::read(std::uint64_t offset, std::span<std::byte> data) noexcept {
  bus_.memory_read(range_.start.raw() + offset, data);
}

void Root::Window::write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  bus_.memory_write(range_.start.raw() + offset, data);
}

}  // namespace mayfly::pci
