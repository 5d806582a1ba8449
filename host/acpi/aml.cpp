// SPDX-License-Identifier: Apache-2.0
#include "acpi/aml.hpp"

#include "base/error.hpp"

namespace mayfly::acpi {
namespace {

constexpr std::uint8_t kNameOp = 0x08;
constexpr std::uint8_t kBytePrefix = 0x0a;
constexpr std::uint8_t kWordPrefix = 0x0b;
constexpr std::uint8_t kDWordPrefix = 0x0c;
constexpr std::uint8_t kStringPrefix = 0x0d;
constexpr std::uint8_t kQWordPrefix = 0x0e;
constexpr std::uint8_t kBufferOp = 0x11;
constexpr std::uint8_t kPackageOp = 0x12;

unsigned hex_digit(char digit) noexcept {
  MAYFLY_ASSERT((digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F'));
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

unsigned letter(char capital) noexcept {
  MAYFLY_ASSERT(capital >= 'A' && capital <= 'Z');
  return static_cast<unsigned>(capital - '@');
}

}  // namespace

PackageLength::PackageLength(std::size_t content_bytes) noexcept {
  if (content_bytes + 1 < 0x40) {
    bytes_[count_++] = static_cast<std::byte>(content_bytes + 1);
    return;
  }
  // Bits 7:6 say how many bytes follow, bits 3:0 are the lowest of the length.
  std::size_t following = 1;
  while (following < 3 && content_bytes + 1 + following >= std::size_t{1} << (4 + 8 * following)) {
    ++following;
  }
  const std::size_t length = content_bytes + 1 + following;
  MAYFLY_ASSERT(length < std::size_t{1} << 28U);
  bytes_[count_++] = static_cast<std::byte>(following << 6U | (length & 0xfU));
  for (std::size_t rest = length >> 4U; count_ <= following; rest >>= 8U) {
    bytes_[count_++] = static_cast<std::byte>(rest & 0xffU);
  }
}

void Aml::name_integer(std::string_view name, std::uint64_t value) {
  begin_name(name);
  integer(value);
}

void Aml::name_string(std::string_view name, std::string_view value) {
  begin_name(name);
  byte(kStringPrefix);
  text(value);
  byte(0);
}

void Aml::name_eisa_id(std::string_view name, std::string_view id) {
  MAYFLY_ASSERT(id.size() == 7);
  const unsigned maker = letter(id[0]) << 10U | letter(id[1]) << 5U | letter(id[2]);
  begin_name(name);
  byte(kDWordPrefix);
  byte(maker >> 8U);
  byte(maker & 0xffU);
  byte(hex_digit(id[3]) << 4U | hex_digit(id[4]));
  byte(hex_digit(id[5]) << 4U | hex_digit(id[6]));
}

void Aml::name_package(std::string_view name, std::initializer_list<std::uint64_t> values) {
  begin_name(name);
  package({values.begin(), values.size()});
}

void Aml::name_packages(std::string_view name, std::span<const std::array<std::uint64_t, 4>> packages) {
  begin_name(name);
  byte(kPackageOp);
  const std::size_t start = bytes_.size();
  byte(static_cast<unsigned>(packages.size()));
  for (const auto& values : packages) {
    package(values);
  }
  close(start);
}

void Aml::name_buffer(std::string_view name, std::span<const std::byte> content) {
  begin_name(name);
  byte(kBufferOp);
  const std::size_t start = bytes_.size();
  integer(content.size());
  bytes_.insert(bytes_.end(), content.begin(), content.end());
  close(start);
}

void Aml::byte(unsigned value) { bytes_.push_back(static_cast<std::byte>(value)); }

void Aml::text(std::string_view value) {
  for (const char c : value) {
    byte(static_cast<unsigned char>(c));
  }
}

void Aml::package(std::span<const std::uint64_t> values) {
  byte(kPackageOp);
  const std::size_t start = bytes_.size();
  byte(static_cast<unsigned>(values.size()));
  for (const std::uint64_t value : values) {
    integer(value);
  }
  close(start);
}

void Aml::begin_name(std::string_view name) {
  byte(kNameOp);
  text(name);
}

void Aml::integer(std::uint64_t value) {
  if (value <= 1) {
    byte(static_cast<unsigned>(value));  // ZeroOp, OneOp
    return;
  }
  const auto [prefix, count] = value <= 0xff         ? std::pair{kBytePrefix, 1}
                               : value <= 0xffff     ? std::pair{kWordPrefix, 2}
                               : value <= 0xffffffff ? std::pair{kDWordPrefix, 4}
                                                     : std::pair{kQWordPrefix, 8};
  byte(prefix);
  for (int i = 0; i < count; ++i) {
    byte(static_cast<unsigned>(value >> (8 * i) & 0xffU));
  }
}

std::size_t Aml::open(std::initializer_list<std::uint8_t> opcode, std::string_view name) {
  for (const std::uint8_t part : opcode) {
    byte(part);
  }
  const std::size_t start = bytes_.size();
  text(name);
  return start;
}

void Aml::close(std::size_t start) {
  const PackageLength length(bytes_.size() - start);
  bytes_.insert(bytes_.begin() + static_cast<std::ptrdiff_t>(start), length.bytes().begin(),
                length.bytes().end());
}

}  // namespace mayfly::acpi
