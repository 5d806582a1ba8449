// SPDX-License-Identifier: Apache-2.0
#include "pci/bus.hpp"

#include "base/error.hpp"
#include "pci/header.hpp"

namespace mayfly::pci {
void Bus::add(std::size_t slot, std::unique_ptr<PciDevice> device) {
  MAYFLY_ASSERT(slot < kSlots && slots_[slot] == nullptr);
  const std::span<const Bar> bars = device->bars();
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].bytes > 0) {
      routes_.emplace_back(*device, i);
    }
  }
  update_routes(*device);
  slots_[slot] = std::move(device);
}

std::span<std::byte> Bus::show_config(Viewer& viewer) {
  std::size_t slots = 0;
  while (slots < kSlots && slots_[slots] != nullptr && slots_[slots]->config_reads() == ConfigReads::kPlain) {
    ++slots;
  }
  MAYFLY_ASSERT(slots > 0);
  view_.emplace(slots, viewer);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    view_->refresh(slot, *slots_[slot]);
  }
  return view_->pages();
}

void Bus::config_write(std::size_t slot, std::uint16_t offset, std::span<const std::byte> data) noexcept {
  PciDevice* device = slots_[slot].get();
  if (device == nullptr) {
    return;
  }
  const std::lock_guard lock(config_write_mutex_);
  device->config_write(offset, data);
  // What moves BARs or switches their decoding lies in the header.
  if (offset < header::kEnd) {
    update_routes(*device);
  }
  if (view_) {
    view_->refresh(slot, *device);
  }
}

void Bus::update_routes(const PciDevice& device) noexcept {
  for (Route& route : routes_) {
    if (&route.device == &device) {
      route.address.store(device.bar_address(route.bar).value_or(kNowhere), std::memory_order_relaxed);
    }
  }
}

const Bus::Route* Bus::find(std::uint64_t address, std::size_t bytes) const noexcept {
  for (const Route& route : routes_) {
    const std::uint64_t start = route.address.load(std::memory_order_relaxed);
    if (address >= start && address - start < route.bytes && bytes <= route.bytes - (address - start)) {
      return &route;
    }
  }
  return nullptr;
}

void Bus::memory_read(std::uint64_t address, std::span<std::byte> data) const noexcept {
  if (const Route* route = find(address, data.size()); route != nullptr) {
    route->device.bar_read(route->bar, address & (route->bytes - 1), data);
  }
}

void Bus::memory_write(std::uint64_t address, std::span<const std::byte> data) const noexcept {
  if (const Route* route = find(address, data.size()); route != nullptr) {
    route->device.bar_write(route->bar, address & (route->bytes - 1), data);
  }
}

}  // namespace mayfly::pci
