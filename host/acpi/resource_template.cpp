// SPDX-License-Identifier: Apache-2.0
#include "acpi/resource_template.hpp"

#include "base/error.hpp"

namespace mayfly::acpi {
namespace {

// Resource types of address space descriptors (ACPI 6.5, table 6.51).
constexpr std::uint8_t kMemory = 0;
constexpr std::uint8_t kIo = 1;
constexpr std::uint8_t kBusNumber = 2;
// General flags: both ends fixed, positive decode, produced.
constexpr std::uint8_t kFixedEnds = 0x0c;
// Type-specific flags.
constexpr std::uint8_t kReadWriteUncached = 0x01;
constexpr std::uint8_t kEntireRange = 0x03;
constexpr std::uint8_t kNoFlags = 0;

}  // namespace

void ResourceTemplate::put(std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    bytes_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xffU));
  }
}

void ResourceTemplate::word_space(std::uint8_t type, std::uint8_t flags, std::uint16_t first,
                                  std::uint16_t last) {
  MAYFLY_ASSERT(first <= last);
  put(0x88, 1);  // WordAddressSpace (6.4.3.5.3)
  put(13, 2);
  put(type, 1);
  put(kFixedEnds, 1);
  put(flags, 1);
  put(0, 2);  // granularity
  put(first, 2);
  put(last, 2);
  put(0, 2);                  // translation
  put(last - first + 1U, 2);  // 0x10000 would not fit: a window never has all ports
}

void ResourceTemplate::bus_numbers(std::uint16_t first, std::uint16_t last) {
  word_space(kBusNumber, kNoFlags, first, last);
}

void ResourceTemplate::io_window(std::uint16_t first, std::uint16_t last) {
  word_space(kIo, kEntireRange, first, last);
}

void ResourceTemplate::memory_window(GuestRange range) {
  MAYFLY_ASSERT(range.bytes > 0);
  const std::uint64_t first = range.start.raw();
  const std::uint64_t last = first + (range.bytes - 1);
  MAYFLY_ASSERT(last >= first);
  const bool wide = last > UINT32_MAX;
  const std::size_t word = wide ? 8 : 4;
  put(wide ? 0x8a : 0x87, 1);  // QWordAddressSpace (6.4.3.5.1), DWordAddressSpace (6.4.3.5.2)
  put(3 + 5 * word, 2);
  put(kMemory, 1);
  put(kFixedEnds, 1);
  put(kReadWriteUncached, 1);
  put(0, word);  // granularity
  put(first, word);
  put(last, word);
  put(0, word);  // translation
  put(range.bytes, word);
}

void ResourceTemplate::fixed_memory(GuestRange range) {
  MAYFLY_ASSERT(range.start.raw() <= UINT32_MAX && range.bytes <= UINT32_MAX);
  put(0x86, 1);  // 6.4.3.4
  put(9, 2);
  put(1, 1);  // writable
  put(range.start.raw(), 4);
  put(range.bytes, 4);
}

void ResourceTemplate::ports(std::uint16_t first, std::uint8_t count) {
  put(0x47, 1);  // 6.4.2.5
  put(1, 1);     // decodes 16 bits
  put(first, 2);
  put(first, 2);
  put(1, 1);  // alignment
  put(count, 1);
}

std::span<const std::byte> ResourceTemplate::finish() {
  put(0x79, 1);  // end tag (6.4.2.9)
  put(0, 1);     // "checksum to be taken as right"
  return bytes_;
}

}  // namespace mayfly::acpi
