// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pci/bar.hpp"

namespace mayfly::pci {

/// What reading a device's configuration space is.
enum class ConfigReads : std::uint8_t {
  kPlain,  ///< Bytes that only config_write() and place_bar() change; to read them does nothing.
  kLive,   ///< Each read must reach the device.
};

/// One single-function PCI device. place_bar() comes before the vCPUs run; all else comes from any vCPU
/// thread, several at once: the device locks what it must. Accesses have 1 to 8 bytes and any alignment.
class PciDevice {
 public:
  PciDevice() = default;
  PciDevice(const PciDevice&) = delete;
  PciDevice& operator=(const PciDevice&) = delete;
  virtual ~PciDevice() = default;

  /// Register i's BAR at position i; at most kBarsMax; does not change.
  [[nodiscard]] virtual std::span<const Bar> bars() const noexcept = 0;
  /// Sets the address that the guest finds in BAR `index`; aligned to the BAR's size.
  virtual void place_bar(std::size_t index, std::uint64_t address) noexcept = 0;
  /// Where BAR `index` answers now; nothing while memory decoding is off.
  [[nodiscard]] virtual std::optional<std::uint64_t> bar_address(std::size_t index) const noexcept = 0;

  /// `offset` is below 4 KiB, and the end of `data` may lie beyond; bytes that nothing answers stay as they
  /// came (all ones).
  virtual void config_read(std::uint16_t offset, std::span<std::byte> data) noexcept = 0;
  virtual void config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept = 0;
  /// May turn from plain to live in a config_write(), never back.
  [[nodiscard]] virtual ConfigReads config_reads() const noexcept = 0;
  /// The access lies wholly inside BAR `index`. Bytes that nothing answers stay as they came (all ones).
  virtual void bar_read(std::size_t index, std::uint64_t offset, std::span<std::byte> data) noexcept = 0;
  virtual void bar_write(std::size_t index, std::uint64_t offset,
                         std::span<const std::byte> data) noexcept = 0;
};

}  // namespace mayfly::pci
