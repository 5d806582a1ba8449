// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace mayfly::acpi {

/// Writes AML, the shortest encoding of each thing (ACPI 6.5, chapter 20.2). Only what our DSDT needs.
///
/// Names are single segments as encoded: exactly four characters ("_HID", "PCI0", "_SB_"). One thread.
class Aml {
 public:
  /// Scope(name) { body() }; `body` writes into this builder.
  template <typename Body>
  void scope(std::string_view name, Body&& body) {
    const std::size_t start = open({0x10}, name);
    body();
    close(start);
  }
  /// Device(name) { body() }
  template <typename Body>
  void device(std::string_view name, Body&& body) {
    const std::size_t start = open({0x5b, 0x82}, name);
    body();
    close(start);
  }

  /// Name(name, value)
  void name_integer(std::string_view name, std::uint64_t value);
  /// Name(name, "text"); ASCII.
  void name_string(std::string_view name, std::string_view text);
  /// Name(name, EisaId(id)): three capitals and four hexadecimal digits, "PNP0A08".
  void name_eisa_id(std::string_view name, std::string_view id);
  /// Name(name, Package() {values...})
  void name_package(std::string_view name, std::initializer_list<std::uint64_t> values);
  /// Name(name, Package() {Package() {four values}...})
  void name_packages(std::string_view name, std::span<const std::array<std::uint64_t, 4>> packages);
  /// Name(name, Buffer() {bytes}); a ResourceTemplate is such a buffer.
  void name_buffer(std::string_view name, std::span<const std::byte> bytes);

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  void byte(unsigned value);
  void text(std::string_view text);
  void begin_name(std::string_view name);
  void package(std::span<const std::uint64_t> values);
  void integer(std::uint64_t value);
  /// Opcode and name of a package; the length goes between them at close().
  [[nodiscard]] std::size_t open(std::initializer_list<std::uint8_t> opcode, std::string_view name);
  void close(std::size_t start);

  std::vector<std::byte> bytes_;
};

/// PkgLength of a package whose content after it has `content_bytes` (ACPI 6.5, 20.2.4): one to four bytes,
/// itself counted.
class PackageLength {
 public:
  /// At most 2^28 - 5 bytes of content.
  explicit PackageLength(std::size_t content_bytes) noexcept;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {bytes_, count_}; }

 private:
  std::byte bytes_[4]{};
  std::size_t count_ = 0;
};

}  // namespace mayfly::acpi
