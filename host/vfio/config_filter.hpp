// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pci/bar.hpp"
#include "pci/config_space.hpp"
#include "vfio/capabilities.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// The configuration space that a guest sees of a passed-through function. Three kinds of bytes: *emulated*
/// ones are ours and start as the device's; *passed* ones are the device's at each access; all others are
/// *masked*: they read as zero and drop writes.
///
///   header
///     vendor, device, class, revision, subsystem   emulated, fixed
///     command            emulated; the owner forwards bus master, INTx, parity and SERR bits
///     status             passed for reads, but for the bit that says whether there are capabilities; writes
///     dropped header type, BIST  masked: one function BARs               emulated: memory BARs only, I/O
///     ports are masked ROM, CardBus CIS   masked interrupt line     emulated, the guest's; interrupt pin:
///     INTA where the guest has an INTx (IntxUse), else none
///   capabilities, at the device's own offsets
///     01 power           emulated: D0 only, PME off; what the guest writes to the state is not forwarded
///     05 MSI             emulated, without per-vector masks
///     09 vendor          passed, as long as it says that it is
///     10 PCI Express     emulated: a root complex endpoint without link, slot and function-level reset;
///     control and
///                        status of the device (08 to 0b) are passed but for the reset bit
///     11 MSI-X           emulated
///     any other          masked and out of the list: VPD, AF, EA, HyperTransport, AGP, hot plug, ...
///   extended capabilities
///     0003 serial number, 000b vendor   emulated, fixed, as the device had them at the start
///     any other          masked and out of the list: AER, ACS, ATS, PRI, PASID, SR-IOV, resizable BAR, ...
///     where none is left nothing answers (all ones), as for a function without extended space: a guest looks
///     once, not for each capability that it knows
///
/// All of the device's bytes are foreign. Not locked: its owner does that. Source: PCI 3.0, chapter 6; PCI
/// Express 3.0, 7.8 and 7.9.
class ConfigFilter {
 public:
  static constexpr std::size_t kBytes = 4096;

  /// Whether the guest has an INTx.
  enum class Pin : std::uint8_t { kNone, kA };

  /// `config` is the device's space as read at the start, 256 to 4096 bytes, of which shown_bytes() matter in
  /// the extended space, and the list; `bars` as PciDevice::bars().
  ConfigFilter(std::span<const std::byte> config, std::span<const pci::Bar> bars, Pin pin) noexcept;

  [[nodiscard]] pci::ConfigSpace& space() noexcept { return space_; }
  [[nodiscard]] const pci::ConfigSpace& space() const noexcept { return space_; }
  /// Where MSI and MSI-X are; nothing when the device has none or they do not fit.
  [[nodiscard]] std::optional<std::uint8_t> msi() const noexcept { return msi_; }
  [[nodiscard]] std::optional<std::uint8_t> msix() const noexcept { return msix_; }

  /// As PciDevice::config_read(); passed bytes come from `device`.
  void read(std::uint16_t offset, std::span<std::byte> data, DeviceAccess& device) const noexcept;
  /// As PciDevice::config_write(); passed bytes go to `device`.
  void write(std::uint16_t offset, std::span<const std::byte> data, DeviceAccess& device) noexcept;

 private:
  using Bytes256 = std::array<std::byte, pci::ConfigSpace::kBytes>;

  void add_capability(std::span<const std::byte> config, const Capability& capability) noexcept;
  /// Shows `count` bytes of the device's as they were, but for the link.
  void show(std::span<const std::byte> config, std::size_t at, std::size_t count) noexcept;
  // Each takes the capability where it has room enough.
  void show_power(const Capability& capability) noexcept;
  void show_msi(std::span<const std::byte> config, const Capability& capability) noexcept;
  void show_msix(std::span<const std::byte> config, const Capability& capability) noexcept;
  void show_vendor(std::span<const std::byte> config, const Capability& capability) noexcept;
  void show_express(std::span<const std::byte> config, const Capability& capability) noexcept;
  void add_extended(std::span<const std::byte> config) noexcept;

  pci::ConfigSpace space_;
  /// Bits that are read from the device, and bits of writes that go there.
  Bytes256 read_passed_{};
  Bytes256 write_passed_{};
  std::array<std::byte, kBytes - pci::ConfigSpace::kBytes> extended_{};
  std::optional<std::uint8_t> msi_;
  std::optional<std::uint8_t> msix_;
};

/// How much a guest sees of an extended capability, from its start on; 0 when it is masked. Of `config` the
/// first 8 bytes of the capability are looked at, where it has them.
[[nodiscard]] std::size_t shown_bytes(std::span<const std::byte> config,
                                      const Capability& capability) noexcept;

}  // namespace mayfly::vfio
