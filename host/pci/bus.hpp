// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "pci/config_view.hpp"
#include "pci/pci_device.hpp"

namespace mayfly::pci {

/// Bus 0: which device sits in which slot, and which BAR answers which address.
///
/// add() before the vCPUs run; all else from any thread. Reads take no lock here.
class Bus {
 public:
  static constexpr std::size_t kSlots = 32;

  /// The slot must be free. The device's BARs must be placed.
  void add(std::size_t slot, std::unique_ptr<PciDevice> device);

  /// The configuration space of all slots up to the first that is empty or whose reads are live, kept up to
  /// date from now on; valid as long as the bus. After the last add(). Throws Error.
  std::span<std::byte> show_config(Viewer& viewer);

  /// `slot` below kSlots. Absent slots read as all ones and drop writes.
  void config_read(std::size_t slot, std::uint16_t offset, std::span<std::byte> data) noexcept {
    if (slots_[slot] != nullptr) {
      slots_[slot]->config_read(offset, data);
    }
  }
  void config_write(std::size_t slot, std::uint16_t offset, std::span<const std::byte> data) noexcept;

  /// A BAR takes an access that lies wholly inside it; the lowest slot and register win where BARs overlap.
  void memory_read(std::uint64_t address, std::span<std::byte> data) const noexcept;
  void memory_write(std::uint64_t address, std::span<const std::byte> data) const noexcept;

 private:
  /// One BAR and where it answers now. Addresses change on one vCPU while others look: an access that races
  /// with a move goes to the old or the new place, as on hardware.
  struct Route {
    Route(PciDevice& owner, std::size_t index) noexcept
        : device(owner), bar(index), bytes(owner.bars()[index].bytes) {}
    PciDevice& device;
    std::size_t bar;
    std::uint64_t bytes;
    std::atomic<std::uint64_t> address = kNowhere;
  };
  /// The address of a BAR that is not decoded; no window reaches it.
  static constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();

  [[nodiscard]] const Route* find(std::uint64_t address, std::size_t bytes) const noexcept;
  void update_routes(const PciDevice& device) noexcept;

  std::array<std::unique_ptr<PciDevice>, kSlots> slots_;
  std::deque<Route> routes_;
  std::optional<ConfigView> view_;
  /// Held over a write and the update of routes and view, so that the last write is the one that stays.
  std::mutex config_write_mutex_;
};

}  // namespace mayfly::pci
