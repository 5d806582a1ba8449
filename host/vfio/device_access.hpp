// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.hpp"

namespace mayfly::vfio {

/// Of the host: what is mapped of a region are whole ones.
inline constexpr std::uint64_t kPageBytes = 4096;

/// A stretch of a region, in bytes.
struct Area {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  friend constexpr bool operator==(const Area&, const Area&) noexcept = default;
};

/// One of a device's regions: BARs 0 to 5, ROM, configuration space.
struct Region {
  /// 0 when there is none.
  std::uint64_t bytes = 0;
  /// What of it may be mapped, ascending, in whole pages; empty when nothing is.
  std::vector<Area> mappable{};
};

/// The regions' numbers (VFIO_PCI_BAR0_REGION_INDEX and others); BAR n is region n.
inline constexpr std::uint32_t kConfigRegion = 7;

/// A device's ways to interrupt, by VFIO's numbers (VFIO_PCI_INTX_IRQ_INDEX and others), and what the host
/// tells in the same way.
enum class Interrupts : std::uint32_t {
  kIntx = 0,
  kMsi = 1,
  kMsix = 2,
  kError = 3,    ///< A PCI error of the device that cannot be corrected.
  kRequest = 4,  ///< The host wants the device back, and waits until it is closed.
};

/// A PCI function as VFIO offers it: regions to read, write and map, and interrupts as events.
///
/// What reads give is the device's, which is foreign: it can be anything. Any thread.
class DeviceAccess {
 public:
  DeviceAccess() = default;
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
  virtual ~DeviceAccess() = default;

  /// Throws Error when the host does not tell.
  [[nodiscard]] virtual Region region(std::uint32_t index) const = 0;
  /// False when the host refuses; `data` stays as it came.
  [[nodiscard]] virtual bool read(std::uint32_t region, std::uint64_t offset,
                                  std::span<std::byte> data) noexcept = 0;
  [[nodiscard]] virtual bool write(std::uint32_t region, std::uint64_t offset,
                                   std::span<const std::byte> data) noexcept = 0;
  /// Maps an area that is mappable, or a part of one in whole pages. Throws Error.
  [[nodiscard]] virtual Mapping map(std::uint32_t region, const Area& area) = 0;

  /// How many interrupts of that kind the device has.
  [[nodiscard]] virtual std::uint32_t interrupt_count(Interrupts kind) const noexcept = 0;
  /// Whether set_events() takes vectors that the first call did not name, without a gap for the others
  /// (VFIO_IRQ_INFO_NORESIZE; MSI-X on Linux 6.5 and later).
  [[nodiscard]] virtual bool interrupts_grow(Interrupts kind) const noexcept = 0;
  /// Interrupt first + i is an event of events[i] from now on, or nobody's where that is -1. The first call
  /// enables the kind, with as many vectors as it names. False when the host refuses.
  [[nodiscard]] virtual bool set_events(Interrupts kind, std::uint32_t first,
                                        std::span<const int> events) noexcept = 0;
  /// INTx, which masks itself each time: an event of `ended` unmasks it. False when the host refuses.
  [[nodiscard]] virtual bool set_unmask_event(int ended) noexcept = 0;
  /// No interrupt of that kind any more.
  virtual void disable(Interrupts kind) noexcept = 0;
};

}  // namespace mayfly::vfio
