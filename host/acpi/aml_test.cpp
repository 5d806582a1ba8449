// SPDX-License-Identifier: Apache-2.0
#include "acpi/aml.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "acpi/resource_template.hpp"
#include "base/checked.hpp"

namespace mayfly::acpi {
namespace {

std::vector<unsigned> numbers(std::span<const std::byte> bytes) {
  std::vector<unsigned> result;
  for (const std::byte each : bytes) {
    result.push_back(std::to_integer<unsigned>(each));
  }
  return result;
}

std::vector<unsigned> length_of(std::size_t content_bytes) {
  return numbers(PackageLength(content_bytes).bytes());
}

using Expected = std::vector<unsigned>;

// The length counts itself (20.2.4).
TEST(PackageLength, IsExactAtItsBorders) {
  EXPECT_EQ(length_of(0), (Expected{0x01}));
  EXPECT_EQ(length_of(0x3e), (Expected{0x3f}));
  EXPECT_EQ(length_of(0x3f), (Expected{0x41, 0x04}));                   // 0x041
  EXPECT_EQ(length_of(0xffd), (Expected{0x4f, 0xff}));                  // 0xfff
  EXPECT_EQ(length_of(0xffe), (Expected{0x81, 0x00, 0x01}));            // 0x1001
  EXPECT_EQ(length_of(0xffffc), (Expected{0x8f, 0xff, 0xff}));          // 0xfffff
  EXPECT_EQ(length_of(0xffffd), (Expected{0xc1, 0x00, 0x00, 0x01}));    // 0x100001
  EXPECT_EQ(length_of(0xffffffb), (Expected{0xcf, 0xff, 0xff, 0xff}));  // 0xfffffff
}

TEST(Aml, IntegersTakeTheFewestBytes) {
  const auto encoded = [](std::uint64_t value) {
    Aml aml;
    aml.name_integer("TEST", value);
    return numbers(aml.bytes().subspan(5));
  };
  EXPECT_EQ(encoded(0), (Expected{0x00}));
  EXPECT_EQ(encoded(1), (Expected{0x01}));
  EXPECT_EQ(encoded(2), (Expected{0x0a, 2}));
  EXPECT_EQ(encoded(0xff), (Expected{0x0a, 0xff}));
  EXPECT_EQ(encoded(0x100), (Expected{0x0b, 0, 1}));
  EXPECT_EQ(encoded(0xffff), (Expected{0x0b, 0xff, 0xff}));
  EXPECT_EQ(encoded(0x10000), (Expected{0x0c, 0, 0, 1, 0}));
  EXPECT_EQ(encoded(0xffffffff), (Expected{0x0c, 0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(encoded(0x100000000), (Expected{0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Aml, EisaIdIsPacked) {
  Aml aml;
  aml.name_eisa_id("_HID", "PNP0A08");
  EXPECT_EQ(numbers(aml.bytes()), (Expected{0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0a, 0x08}));
}

TEST(Aml, NestedPackagesCountTheirContent) {
  Aml aml;
  aml.scope("_SB_", [&] { aml.device("DEV0", [&] { aml.name_string("_HID", "A"); }); });
  EXPECT_EQ(numbers(aml.bytes()), (Expected{0x10, 20,  '_',  'S', 'B', '_', 0x5b, 0x82, 13,  'D', 'E',
                                            'V',  '0', 0x08, '_', 'H', 'I', 'D',  0x0d, 'A', 0x00}));
}

TEST(Aml, PackageOfIntegers) {
  Aml aml;
  aml.name_package("_S5_", {5, 0});
  EXPECT_EQ(numbers(aml.bytes()), (Expected{0x08, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 5, 0}));
}

TEST(Aml, PackageOfPackages) {
  Aml aml;
  const std::array<std::uint64_t, 4> route{0x4ffff, 0, 0, 16};
  aml.name_packages("_PRT", {&route, 1});
  EXPECT_EQ(numbers(aml.bytes()), (Expected{0x08, '_',  'P',  'R',  'T', 0x12, 14, 1, 0x12, 11,
                                            4,    0x0c, 0xff, 0xff, 4,   0,    0,  0, 0x0a, 16}));
}

TEST(ResourceTemplate, MemoryWindowIsAsWideAsItsEnd) {
  const auto head_of = [](std::uint64_t start, std::uint64_t bytes) {
    ResourceTemplate resources;
    resources.memory_window({GuestAddress(start), bytes});
    const auto all = numbers(resources.finish());
    return std::pair(all.at(0), all.size());
  };
  EXPECT_EQ(head_of(3 * kGiB, kGiB), std::pair(0x87U, std::size_t{28}));
  EXPECT_EQ(head_of(3 * kGiB, kGiB + 1), std::pair(0x8aU, std::size_t{48}));
}

}  // namespace
}  // namespace mayfly::acpi
