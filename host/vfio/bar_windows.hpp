// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "memory/guest_address.hpp"
#include "pci/bar.hpp"
#include "vfio/device_access.hpp"
#include "vfio/iommu.hpp"

namespace mayfly::vfio {

/// Puts memory of the host where a guest reaches it without an exit. Any thread.
class GuestSlots {
 public:
  GuestSlots() = default;
  GuestSlots(const GuestSlots&) = delete;
  GuestSlots& operator=(const GuestSlots&) = delete;
  virtual ~GuestSlots() = default;

  /// The first of `count` new slots, all empty. Throws Error when there are no more. One thread, before the
  /// vCPUs run.
  [[nodiscard]] virtual std::uint32_t allocate(std::uint32_t count) = 0;
  /// Fills a slot that is empty. False when the host refuses, as where another one is: accesses are exits
  /// then.
  [[nodiscard]] virtual bool fill(std::uint32_t slot, GuestAddress at,
                                  std::span<std::byte> memory) noexcept = 0;
  /// Empties a slot that is full. False when the host cannot.
  [[nodiscard]] virtual bool empty(std::uint32_t slot) noexcept = 0;
};

/// Where the areas of a BAR may not be mapped, though VFIO would: whole pages are left out.
struct Trapped {
  std::uint8_t bar = 0;
  Area area;
};

/// The BARs of a device as memory of the guest: what VFIO lets us map, and what is not trapped, is reached
/// without an exit, wherever the guest places the BAR. Not locked: its owner does that.
class BarWindows {
 public:
  /// Maps into this process; into the guest only at update(). `slots` outlives this; so does `peers` where it
  /// is given: then other devices reach the BARs too. Throws Error.
  BarWindows(DeviceAccess& device, std::span<const pci::Bar> bars, std::span<const Trapped> trapped,
             GuestSlots& slots, Iommu* peers);
  ~BarWindows();
  BarWindows(const BarWindows&) = delete;
  BarWindows& operator=(const BarWindows&) = delete;

  /// BAR `bar` answers at `address` now. Where it does not answer any more it may stay until it answers
  /// elsewhere: Linux switches decoding off and on to size BARs, and KVM pays for each change with all of its
  /// page tables.
  void update(std::size_t bar, std::optional<std::uint64_t> address) noexcept;

 private:
  struct Window {
    Area area;
    Mapping memory;
    std::uint32_t slot = 0;
    std::optional<GuestAddress> at{};
    bool seen_by_peers = false;
  };
  void move(Window& window, GuestAddress to) noexcept;
  void take_away(Window& window) noexcept;

  GuestSlots& slots_;
  Iommu* peers_;
  std::array<std::vector<Window>, pci::kBarsMax> windows_;
};

/// `areas` without the pages of those `trapped` that are in `bar`.
[[nodiscard]] std::vector<Area> without(std::vector<Area> areas, std::size_t bar,
                                        std::span<const Trapped> trapped);

}  // namespace mayfly::vfio
