// SPDX-License-Identifier: Apache-2.0
#include "vfio/bar_windows.hpp"

#include <utility>

#include "base/checked.hpp"

namespace mayfly::vfio {
namespace {

/// Adds what lies in [from, to), if anything does.
void add(std::vector<Area>& areas, std::uint64_t from, std::uint64_t to) {
  if (from < to) {
    areas.push_back({from, to - from});
  }
}

}  // namespace

std::vector<Area> without(std::vector<Area> areas, std::size_t bar, std::span<const Trapped> trapped) {
  for (const Trapped& hole : trapped) {
    if (hole.bar != bar || hole.area.bytes == 0) {
      continue;
    }
    const std::uint64_t first = hole.area.offset & ~(kPageBytes - 1);
    const std::uint64_t last = align_up(hole.area.offset + hole.area.bytes, kPageBytes);
    std::vector<Area> left;
    for (const Area& area : areas) {
      const std::uint64_t end = area.offset + area.bytes;
      add(left, area.offset, std::min(end, first));
      add(left, std::max(area.offset, last), end);
    }
    areas = std::move(left);
  }
  return areas;
}

BarWindows::BarWindows(DeviceAccess& device, std::span<const pci::Bar> bars, std::span<const Trapped> trapped,
                       GuestSlots& slots, Iommu* peers)
    : slots_(slots), peers_(peers) {
  for (std::uint32_t bar = 0; bar < bars.size(); ++bar) {
    if (bars[bar].bytes == 0) {
      continue;
    }
    for (const Area& area : without(device.region(bar).mappable, bar, trapped)) {
      windows_[bar].push_back({.area = area, .memory = device.map(bar, area), .slot = slots.allocate(1)});
    }
  }
}

BarWindows::~BarWindows() {
  for (auto& of_bar : windows_) {
    for (Window& window : of_bar) {
      take_away(window);
    }
  }
}

void BarWindows::update(std::size_t bar, std::optional<std::uint64_t> address) noexcept {
  if (!address.has_value()) {
    return;
  }
  for (Window& window : windows_[bar]) {
    // A guest may have placed the end beyond the last address.
    const auto to = GuestAddress(*address).plus(window.area.offset);
    if (to.has_value() && window.at != to) {
      move(window, *to);
    }
  }
}

void BarWindows::move(Window& window, GuestAddress to) noexcept {
  take_away(window);
  if (window.at.has_value() || !slots_.fill(window.slot, to, window.memory.bytes())) {
    return;
  }
  window.at = to;
  if (peers_ != nullptr) {
    window.seen_by_peers =
        peers_->map(to, window.memory.data(), window.memory.size(), Access::kReadWrite).has_value();
  }
}

void BarWindows::take_away(Window& window) noexcept {
  if (!window.at.has_value() || !slots_.empty(window.slot)) {
    return;
  }
  if (window.seen_by_peers) {
    (void)peers_->unmap({*window.at, window.memory.size()});
    window.seen_by_peers = false;
  }
  window.at.reset();
}

}  // namespace mayfly::vfio
