// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "io/msi_sink.hpp"
#include "pci/config_space.hpp"

namespace mayfly::pci {

/// The MSI-X capability with its vector table and pending bits (PCI 3.0, 6.8.2).
///
/// Not locked: its owner does that. Table and PBA take accesses of any size and alignment.
class Msix {
 public:
  static constexpr std::uint16_t kVectorsMax = 2048;
  static constexpr std::size_t kEntryBytes = 16;

  /// Where the guest finds table and PBA; the offsets are multiples of 8.
  struct Place {
    std::uint8_t bar = 0;
    std::uint32_t table = 0;
    std::uint32_t pba = 0;
  };

  /// `vectors` from 1 to kVectorsMax; all masked, MSI-X off. `sink` outlives this.
  Msix(std::uint16_t vectors, io::MsiSink& sink);

  /// Adds the capability to `config`, once.
  void add_capability(ConfigSpace& config, const Place& place) noexcept;
  /// To be called after every write to `config`: takes over enable and function mask, and sends what they let
  /// go.
  void config_written(const ConfigSpace& config) noexcept;

  [[nodiscard]] std::uint16_t vectors() const noexcept { return static_cast<std::uint16_t>(entries_.size()); }
  [[nodiscard]] bool enabled() const noexcept { return enabled_; }

  enum class Raised : std::uint8_t { kSent, kPending, kDropped };
  /// Sends the vector's message, or sets its pending bit while it is masked. Dropped while MSI-X is off, and
  /// for a vector that is not in the table.
  Raised raise(std::uint16_t vector) noexcept;
  /// What an interrupt of the vector would send now; nothing while it would not.
  [[nodiscard]] std::optional<io::MsiMessage> message_of(std::uint16_t vector) const noexcept;
  /// Forgets what is pending; for a reset of the device.
  void clear_pending() noexcept;

  /// Offsets are relative to the table or the PBA; what lies beyond leaves `data` as it came.
  void read_table(std::uint64_t offset, std::span<std::byte> data) const noexcept;
  void write_table(std::uint64_t offset, std::span<const std::byte> data) noexcept;
  void read_pba(std::uint64_t offset, std::span<std::byte> data) const noexcept;

 private:
  struct Entry {
    std::array<std::byte, kEntryBytes> bytes{};
    bool pending = false;
  };
  [[nodiscard]] static bool masked(const Entry& entry) noexcept;
  [[nodiscard]] static io::MsiMessage message_in(const Entry& entry) noexcept;
  [[nodiscard]] bool is_free(const Entry& entry) const noexcept {
    return enabled_ && !function_masked_ && !masked(entry);
  }
  void send_if_free(Entry& entry) noexcept;

  io::MsiSink& sink_;
  std::vector<Entry> entries_;
  std::size_t control_at_ = 0;
  bool enabled_ = false;
  bool function_masked_ = false;
};

}  // namespace mayfly::pci
