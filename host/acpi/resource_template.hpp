// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/guest_address.hpp"

namespace mayfly::acpi {

/// The bytes of a _CRS: resource descriptors and an end tag (ACPI 6.5, 6.4). One thread.
class ResourceTemplate {
 public:
  /// Bus numbers that a host bridge produces, ends included (WordBusNumber).
  void bus_numbers(std::uint16_t first, std::uint16_t last);
  /// Ports that a host bridge passes on, ends included (WordIO).
  void io_window(std::uint16_t first, std::uint16_t last);
  /// Memory that a host bridge passes on (DWordMemory, or QWordMemory when it ends above 4 GiB).
  void memory_window(GuestRange range);
  /// Memory that a device itself takes, below 4 GiB (Memory32Fixed).
  void fixed_memory(GuestRange range);
  /// Ports that a device itself takes (IO, 16-bit decode).
  void ports(std::uint16_t first, std::uint8_t count);

  /// Ends the template; nothing may be added after it.
  [[nodiscard]] std::span<const std::byte> finish();

 private:
  void put(std::uint64_t value, std::size_t bytes);
  void word_space(std::uint8_t type, std::uint8_t flags, std::uint16_t first, std::uint16_t last);

  std::vector<std::byte> bytes_;
};

}  // namespace mayfly::acpi
