// SPDX-License-Identifier: Apache-2.0
#include "pci/config_space.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace mayfly::pci {
namespace {

constexpr Identity kIdentity{.vendor = 0x1234,
                             .device = 0x5678,
                             .class_code = 0x0a0b0c,
                             .revision = 7,
                             .subsystem_vendor = 0x9abc,
                             .subsystem = 0xdef0};

template <typename T>
T read(const ConfigSpace& config, std::size_t offset) {
  T value = static_cast<T>(~T{0});
  config.read(offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

template <typename T>
void write(ConfigSpace& config, std::size_t offset, T value) {
  config.write(offset, std::as_bytes(std::span(&value, 1)));
}

TEST(ConfigSpace, TellsItsIdentity) {
  const ConfigSpace config(kIdentity);
  EXPECT_EQ(read<std::uint32_t>(config, 0x00), 0x56781234U);
  EXPECT_EQ(read<std::uint32_t>(config, 0x08), 0x0a0b0c07U);
  EXPECT_EQ(read<std::uint32_t>(config, 0x2c), 0xdef09abcU);
  EXPECT_EQ(read<std::uint8_t>(config, 0x0d), 64U) << "a latency that Linux leaves as it is";
  EXPECT_EQ(read<std::uint8_t>(config, 0x0e), 0U) << "a type 0 header of a single function";
}

TEST(ConfigSpace, KeepsFixedRegistersWhateverIsWritten) {
  ConfigSpace config(kIdentity);
  for (std::size_t at = 0; at < ConfigSpace::kBytes; at += 4) {
    write(config, at, ~std::uint32_t{0});
  }
  EXPECT_EQ(read<std::uint32_t>(config, 0x00), 0x56781234U);
  EXPECT_EQ(read<std::uint32_t>(config, 0x04), 0x00000406U) << "memory, bus master, interrupt disable";
  EXPECT_EQ(read<std::uint32_t>(config, 0x3c), 0x000000ffU)
      << "the interrupt line is the guest's, the pin is not";
}

TEST(ConfigSpace, SizesA32BitBarByAllOnes) {
  ConfigSpace config(kIdentity);
  config.add_bar(1, {.bytes = 0x4000, .width = BarWidth::k32});
  write(config, 0x14, ~std::uint32_t{0});
  EXPECT_EQ(read<std::uint32_t>(config, 0x14), 0xffffc000U);
  write(config, 0x10, ~std::uint32_t{0});
  EXPECT_EQ(read<std::uint32_t>(config, 0x10), 0U) << "register 0 is not implemented";
}

TEST(ConfigSpace, SizesA64BitBarByAllOnesInBothHalves) {
  ConfigSpace config(kIdentity);
  config.add_bar(2, {.bytes = 0x2'0000'0000, .width = BarWidth::k64});
  write(config, 0x18, ~std::uint32_t{0});
  write(config, 0x1c, ~std::uint32_t{0});
  EXPECT_EQ(read<std::uint32_t>(config, 0x18), 0x00000004U);
  EXPECT_EQ(read<std::uint32_t>(config, 0x1c), 0xfffffffeU);
}

TEST(ConfigSpace, DecodesABarOnlyWithMemoryDecodingOn) {
  ConfigSpace config(kIdentity);
  config.add_bar(0, {.bytes = 0x1000, .width = BarWidth::k64});
  config.place_bar(0, 0x12'3456'7000);
  EXPECT_EQ(config.bar_address(0), std::nullopt);
  write<std::uint16_t>(config, 0x04, 2);
  EXPECT_EQ(config.bar_address(0), 0x12'3456'7000U);
  EXPECT_EQ(config.bar_address(3), std::nullopt);
  write<std::uint8_t>(config, 0x11, 0x80);
  EXPECT_EQ(config.bar_address(0), 0x12'3456'8000U) << "moved by a write of one byte";
}

TEST(ConfigSpace, ChainsItsCapabilities) {
  ConfigSpace config(kIdentity);
  EXPECT_EQ(read<std::uint16_t>(config, 0x06) & 0x10U, 0U);
  const std::array body{std::byte{0x11}, std::byte{0x22}, std::byte{0x33}};
  const std::array mask{std::byte{0}, std::byte{0xf0}, std::byte{0}};
  const std::uint8_t first = config.add_capability(9, body, {});
  const std::uint8_t second = config.add_capability(0x11, body, mask);
  EXPECT_EQ(read<std::uint16_t>(config, 0x06) & 0x10U, 0x10U);
  EXPECT_EQ(read<std::uint8_t>(config, 0x34), first);
  EXPECT_EQ(read<std::uint8_t>(config, first), 9U);
  EXPECT_EQ(read<std::uint8_t>(config, first + 1U), second);
  EXPECT_EQ(read<std::uint16_t>(config, second), 0x11U);
  EXPECT_EQ(second % 4, 0);
  write(config, second, ~std::uint32_t{0});
  EXPECT_EQ(read<std::uint32_t>(config, second), 0xf2110011U);
}

TEST(ConfigSpace, TakesAnySizeAtAnyOffset) {
  ConfigSpace config(kIdentity);
  for (const std::size_t bytes : {1U, 2U, 3U, 4U, 5U, 7U, 8U}) {
    for (std::size_t at = 0; at < 4096 + 8; ++at) {
      std::array<std::byte, 8> data{};
      data.fill(std::byte{0xff});
      config.write(at, std::span(data).first(bytes));
      config.read(at, std::span(data).first(bytes));
      if (at + bytes > ConfigSpace::kBytes) {
        EXPECT_EQ(data[bytes - 1], std::byte{0xff}) << "nothing answers at " << at;
      }
    }
  }
  EXPECT_EQ(read<std::uint32_t>(config, 0x00), 0x56781234U);
  EXPECT_EQ(read<std::uint32_t>(config, 0x02), 0x04065678U) << "across registers";
}

}  // namespace
}  // namespace mayfly::pci
