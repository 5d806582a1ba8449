// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/error.hpp"
#include "pci/bar.hpp"

namespace mayfly::pci {

/// Who a function says that it is (PCI 3.0, 6.2.1 and 6.2.4).
struct Identity {
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;
  /// Base class, subclass and programming interface, the first in bits 23:16.
  std::uint32_t class_code = 0;
  std::uint8_t revision = 0;
  std::uint16_t subsystem_vendor = 0;
  std::uint16_t subsystem = 0;
};

/// The 256 bytes of a conventional function's configuration space: each bit is either fixed or the guest's.
///
/// Reads and writes take any size at any offset; beyond the 256 bytes reads leave ones and writes are
/// dropped, as for a function without extended space. Not locked: its owner does that. Source: PCI 3.0,
/// chapter 6.
class ConfigSpace {
 public:
  static constexpr std::size_t kBytes = 256;

  explicit ConfigSpace(const Identity& identity) noexcept;

  /// Implements register `index` (and the next for a 64-bit BAR). Sizing by all ones works from then on.
  void add_bar(std::size_t index, const Bar& bar) noexcept;
  /// Appends a capability: `id`, the link, then `body`; bits set in `writable` (as long as `body`, or empty)
  /// are the guest's. Returns the capability's offset. There must be room.
  std::uint8_t add_capability(std::uint8_t id, std::span<const std::byte> body,
                              std::span<const std::byte> writable) noexcept;

  /// One byte, as it stands and what of it is the guest's: for a function that lays its space out itself.
  void put(std::size_t offset, std::byte value, std::byte writable) noexcept {
    set<std::byte>(offset, value, writable);
  }

  [[nodiscard]] std::span<const Bar> bars() const noexcept { return bars_; }
  /// As PciDevice::place_bar().
  void place_bar(std::size_t index, std::uint64_t address) noexcept;
  /// As PciDevice::bar_address().
  [[nodiscard]] std::optional<std::uint64_t> bar_address(std::size_t index) const noexcept;
  /// What the registers of a BAR that is there hold, decoded or not.
  [[nodiscard]] std::uint64_t placed_at(std::size_t index) const noexcept;

  void read(std::size_t offset, std::span<std::byte> data) const noexcept;
  void write(std::size_t offset, std::span<const std::byte> data) noexcept;

  /// One register as it stands; for the device's own use.
  template <typename T>
  [[nodiscard]] T get(std::size_t offset) const noexcept {
    MAYFLY_ASSERT(offset + sizeof(T) <= kBytes);
    T value{};
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }

 private:
  template <typename T>
  void set(std::size_t offset, T value, T writable) noexcept {
    MAYFLY_ASSERT(offset + sizeof(T) <= kBytes);
    std::memcpy(bytes_.data() + offset, &value, sizeof(T));
    std::memcpy(writable_.data() + offset, &writable, sizeof(T));
  }

  std::array<std::byte, kBytes> bytes_{};
  std::array<std::byte, kBytes> writable_{};
  std::array<Bar, kBarsMax> bars_{};
  std::size_t last_link_;
  std::size_t next_capability_;
};

}  // namespace mayfly::pci
