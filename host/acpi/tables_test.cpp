// SPDX-License-Identifier: Apache-2.0
#include "acpi/tables.hpp"

#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include <gtest/gtest.h>

#include "acpi/table_layout.hpp"
#include "acpi/tables_fixture.hpp"
#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::acpi {
namespace {

using testing::Machine;
using testing::split;

unsigned sum(std::span<const std::byte> bytes) {
  return std::accumulate(
             bytes.begin(), bytes.end(), 0U,
             [](unsigned total, std::byte each) { return total + std::to_integer<unsigned>(each); }) &
         0xffU;
}

template <typename T>
T read(std::span<const std::byte> table, std::size_t offset) {
  T value{};
  std::memcpy(&value, table.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

TEST(AcpiTables, AllAreThereAndSumToZero) {
  const std::vector<std::byte> block = build_tables(Machine(4).inputs, kTablesArea.start);
  EXPECT_EQ(sum(std::span(block).first(20)), 0U) << "RSDP, first part";
  EXPECT_EQ(sum(std::span(block).first(36)), 0U) << "RSDP";
  const auto tables = split(block, kTablesArea.start);
  for (const char* name : {"XSDT", "FACP", "APIC", "MCFG", "DSDT", "SRAT", "SLIT"}) {
    ASSERT_EQ(tables.count(name), 1U) << name;
    EXPECT_EQ(sum(tables.at(name)), 0U) << name;
  }
  EXPECT_EQ(tables.size(), 7U);
}

TEST(AcpiTables, McfgHasExactlyOneBus) {
  const Machine machine(1);
  const auto tables = split(build_tables(machine.inputs, kTablesArea.start), kTablesArea.start);
  const auto& mcfg = tables.at("MCFG");
  ASSERT_EQ(mcfg.size(), 60U) << "one window";
  EXPECT_EQ(read<std::uint64_t>(mcfg, 44), machine.inputs.ecam.raw());
  EXPECT_EQ(read<std::uint16_t>(mcfg, 52), 0) << "segment";
  EXPECT_EQ(read<std::uint8_t>(mcfg, 54), 0) << "first bus";
  EXPECT_EQ(read<std::uint8_t>(mcfg, 55), 0) << "last bus";
}

TEST(AcpiTables, FadtIsHardwareReducedWithResetAndSleepRegisters) {
  const auto tables = split(build_tables(Machine(1).inputs, kTablesArea.start), kTablesArea.start);
  const auto& fadt = tables.at("FACP");
  ASSERT_EQ(fadt.size(), 276U);
  const auto flags = read<std::uint32_t>(fadt, 112);
  EXPECT_NE(flags & (1U << 20U), 0U) << "HW_REDUCED_ACPI";
  EXPECT_NE(flags & (1U << 10U), 0U) << "RESET_REG_SUP";
  const auto port_at = [&](std::size_t offset) {
    const auto address = read<GenericAddress>(fadt, offset);
    EXPECT_EQ(address.space, 1);
    EXPECT_EQ(address.bits, 8);
    return std::uint64_t{address.address};
  };
  EXPECT_EQ(port_at(116), 0x600U);
  EXPECT_EQ(read<std::uint8_t>(fadt, 128), 1);
  EXPECT_EQ(port_at(244), 0x601U);
  EXPECT_EQ(port_at(256), 0x602U);
  EXPECT_EQ(kPowerOffValue, 0x34);
}

TEST(AcpiTables, MadtNamesEachProcessorAndTheIoApic) {
  const auto tables = split(build_tables(Machine(64).inputs, kTablesArea.start), kTablesArea.start);
  const auto& madt = tables.at("APIC");
  ASSERT_EQ(madt.size(), 44 + 64 * 8 + 12U);
  EXPECT_EQ(read<std::uint32_t>(madt, 40), 0U) << "no 8259";
  for (std::uint8_t i = 0; i < 64; ++i) {
    const auto apic = read<MadtLocalApic>(madt, 44 + std::size_t{i} * 8);
    EXPECT_EQ(apic.type, 0);
    EXPECT_EQ(apic.apic_id, i);
    EXPECT_EQ(std::uint32_t{apic.flags}, 1U);
  }
  const auto io_apic = read<MadtIoApic>(madt, 44 + 64 * 8);
  EXPECT_EQ(io_apic.type, 1);
  EXPECT_EQ(std::uint32_t{io_apic.address}, 0xfec00000U);
}

TEST(AcpiTables, SratAndSlitNameTheNodes) {
  const auto tables = split(build_tables(Machine(3).inputs, kTablesArea.start), kTablesArea.start);
  const auto& srat = tables.at("SRAT");
  ASSERT_EQ(srat.size(), 48 + 3 * 16 + 2 * 40U);
  EXPECT_EQ(read<std::uint32_t>(srat, 36), 1U);
  for (std::uint8_t i = 0; i < 3; ++i) {
    const auto apic = read<SratLocalApic>(srat, 48 + std::size_t{i} * 16);
    EXPECT_EQ(apic.apic_id, i);
    EXPECT_EQ(apic.node_low, i == 2 ? 1 : 0);
    EXPECT_EQ(std::uint32_t{apic.flags}, 1U);
  }
  const auto memory = read<SratMemory>(srat, 48 + 3 * 16 + 40);
  EXPECT_EQ(std::uint32_t{memory.node}, 1U);
  EXPECT_EQ(std::uint64_t{memory.base}, 4 * kGiB);
  EXPECT_EQ(std::uint64_t{memory.bytes}, 5 * kGiB);
  EXPECT_EQ(std::uint32_t{memory.flags}, 1U);
  const auto& slit = tables.at("SLIT");
  ASSERT_EQ(slit.size(), 36 + 8 + 4U);
  EXPECT_EQ(read<std::uint64_t>(slit, 36), 2U);
  EXPECT_EQ(read<std::uint32_t>(slit, 44), 0x0a15150aU);
}

TEST(AcpiTables, WithoutNodesNobodySaysAWordOfThem) {
  const auto tables = split(build_tables(Machine(1).inputs, kTablesArea.start), kTablesArea.start);
  EXPECT_EQ(tables.count("SRAT") + tables.count("SLIT"), 0U);
}

TEST(AcpiTables, WithoutPinsThereIsNoIoApic) {
  const auto tables = split(build_tables(Machine(1).inputs, kTablesArea.start), kTablesArea.start);
  EXPECT_EQ(tables.at("APIC").size(), 44 + 8U);
}

TEST(AcpiTables, AreWrittenBelowOneMiB) {
  std::vector<std::byte> bytes(kMiB);
  const GuestMemory::Region region[1] = {{{GuestAddress(0), kMiB}, bytes.data()}};
  GuestMemory memory(region);
  const Machine machine(2);
  const GuestRange taken = write_tables(memory, machine.inputs);
  EXPECT_EQ(taken.start, kTablesArea.start);
  const auto tables = build_tables(machine.inputs, kTablesArea.start);
  ASSERT_EQ(taken.bytes, tables.size());
  EXPECT_EQ(std::memcmp(bytes.data() + taken.start.raw(), tables.data(), tables.size()), 0);
}

TEST(AcpiTables, GuestWithoutMemoryThereIsRefused) {
  std::vector<std::byte> bytes(512 * kKiB);
  const GuestMemory::Region region[1] = {{{GuestAddress(0), 512 * kKiB}, bytes.data()}};
  GuestMemory memory(region);
  EXPECT_THROW(static_cast<void>(write_tables(memory, Machine(1).inputs)), Error);
}

}  // namespace
}  // namespace mayfly::acpi
