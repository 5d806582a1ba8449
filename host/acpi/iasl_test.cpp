// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "acpi/tables_fixture.hpp"

namespace mayfly::acpi {
namespace {

using testing::Machine;
using testing::split;

// Disassembles each table by ACPICA's iasl and compiles the result again: no error, no warning, the same
// bytes.
class Iasl : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    if (std::system("command -v iasl >/dev/null") != 0) {  // NOLINT(cert-env33-c): a fixed command
      GTEST_SKIP() << "iasl is not installed (package acpica-tools)";
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "iasl_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    if (!directory_.empty()) {
      std::filesystem::remove_all(directory_);
    }
  }

  // What iasl says, after its exit status.
  [[nodiscard]] std::string iasl(const std::string& arguments) const {
    const std::string log = directory_ / "log";
    const std::string command = "cd '" + directory_.string() + "' && iasl " + arguments + " >log 2>&1";
    const int status =
        std::system(command.c_str());  // NOLINT(cert-env33-c): fixed names in our own directory
    std::ifstream in(log);
    return "status " + std::to_string(status) + "\n" + std::string(std::istreambuf_iterator<char>(in), {});
  }

  void write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream(directory_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));  // Safe: bytes
  }

  [[nodiscard]] std::vector<std::byte> file(const std::string& name) const {
    std::ifstream in(directory_ / name, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  std::filesystem::path directory_;
};

TEST_P(Iasl, RoundTripOfEachTableIsClean) {
  const Machine machine(GetParam());
  for (const auto& [name, table] :
       split(build_tables(machine.inputs, kTablesArea.start), kTablesArea.start)) {
    SCOPED_TRACE(name);
    write(name + ".dat", table);
    const std::string disassembly = iasl("-d " + name + ".dat");
    ASSERT_EQ(disassembly.rfind("status 0\n", 0), 0U) << disassembly;
    for (const char* complaint : {"Warning", "Error", "Invalid", "Incorrect"}) {
      EXPECT_EQ(disassembly.find(complaint), std::string::npos) << disassembly;
    }
    const std::string compilation = iasl("-we -p again " + name + ".dsl");
    ASSERT_EQ(compilation.rfind("status 0\n", 0), 0U) << compilation;
    EXPECT_EQ(compilation.find("Warning  "), std::string::npos) << compilation;
    // The compiler puts its own name and version into the header.
    auto again = file("again.aml");
    ASSERT_EQ(again.size(), table.size());
    std::copy(table.begin() + 28, table.begin() + 36, again.begin() + 28);
    again[9] = table[9];
    EXPECT_EQ(again, table);
  }
}

// A _CRS that iasl cannot read as resources comes out as a plain Buffer, which would round-trip all the same.
TEST_P(Iasl, EachCrsIsUnderstoodAsResources) {
  const Machine machine(GetParam());
  const auto tables = split(build_tables(machine.inputs, kTablesArea.start), kTablesArea.start);
  write("DSDT.dat", tables.at("DSDT"));
  const std::string disassembly = iasl("-d DSDT.dat");
  ASSERT_EQ(disassembly.rfind("status 0\n", 0), 0U) << disassembly;
  const auto bytes = file("DSDT.dsl");
  std::string text(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), text.begin(),
                 [](std::byte each) { return static_cast<char>(each); });
  for (const char* resource :
       {"WordBusNumber (", "WordIO (", "DWordMemory (", "QWordMemory (", "Memory32Fixed (", "IO (Decode16"}) {
    EXPECT_NE(text.find(resource), std::string::npos) << resource;
  }
  EXPECT_EQ(text.find("Buffer ("), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(Cpus, Iasl, ::testing::Values(1, 64));

}  // namespace
}  // namespace mayfly::acpi
