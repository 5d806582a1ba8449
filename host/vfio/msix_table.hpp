// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vfio/message_vectors.hpp"

namespace mayfly::vfio {

/// The MSI-X vector table and pending bits that a guest sees in place of the device's own (PCI 3.0, 6.8.2).
///
/// Not locked: its owner does that. Accesses have any size and alignment; what lies beyond the table leaves
/// `data` as it came.
class MsixTable {
 public:
  static constexpr std::size_t kEntryBytes = 16;

  /// All masked, MSI-X off. `vectors` outlives this.
  explicit MsixTable(MessageVectors& vectors);

  [[nodiscard]] std::uint64_t table_bytes() const noexcept { return entries_.size() * kEntryBytes; }
  [[nodiscard]] std::uint64_t pba_bytes() const noexcept { return (entries_.size() + 63) / 64 * 8; }

  /// Takes over the message control word as the guest has written it. False when the host refused vectors.
  [[nodiscard]] bool control_written(std::uint16_t control) noexcept;

  void read_table(std::uint64_t offset, std::span<std::byte> data) const noexcept;
  /// False when the host refused a vector.
  [[nodiscard]] bool write_table(std::uint64_t offset, std::span<const std::byte> data) noexcept;
  void read_pba(std::uint64_t offset, std::span<std::byte> data) const noexcept;

 private:
  using Entry = std::array<std::byte, kEntryBytes>;
  [[nodiscard]] bool update(std::size_t entry) noexcept;

  MessageVectors& vectors_;
  std::vector<Entry> entries_;
  bool function_masked_ = false;
};

}  // namespace mayfly::vfio
