// SPDX-License-Identifier: Apache-2.0
#include "exits/trace_format.hpp"

#include <array>

#include <gtest/gtest.h>

namespace mayfly::exits {
namespace {

// As Linux 6.12 has it, shortened.
constexpr std::string_view kFormat =
    "name: kvm_exit\n"
    "ID: 1423\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
    "\n"
    "\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;\n"
    "\tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:u32 isa;\toffset:24;\tsize:4;\tsigned:0;\n"
    "\tfield:char text[15];\toffset:28;\tsize:15;\tsigned:0;\n"
    "\nprint fmt: \"reason %s\", REC->exit_reason\n";

TEST(TraceFormat, NumberAndFieldsAreFound) {
  EXPECT_EQ(event_id(kFormat), 1423);
  EXPECT_EQ(find_field(kFormat, "common_type"), (TraceField{0, 2}));
  EXPECT_EQ(find_field(kFormat, "exit_reason"), (TraceField{8, 4}));
  EXPECT_EQ(find_field(kFormat, "guest_rip"), (TraceField{16, 8}));
  EXPECT_EQ(find_field(kFormat, "isa"), (TraceField{24, 4}));
}

TEST(TraceFormat, WhatIsNoNumberIsNoField) {
  EXPECT_EQ(find_field(kFormat, "text[15]"), std::nullopt);
  EXPECT_EQ(find_field(kFormat, "reason"), std::nullopt);
  EXPECT_EQ(find_field(kFormat, ""), std::nullopt);
  EXPECT_EQ(find_field("", "isa"), std::nullopt);
  EXPECT_EQ(find_field("\tfield:u32 isa;\toffset:x;\tsize:4;\n", "isa"), std::nullopt);
  EXPECT_EQ(find_field("\tfield:u32 isa;\tsize:4;\n", "isa"), std::nullopt);
  EXPECT_EQ(find_field("\tfield:u32 isa;\toffset:8;\tsize:3;\n", "isa"), std::nullopt);
  EXPECT_EQ(find_field("\tfield:u32 isa;\toffset:70000;\tsize:4;\n", "isa"), std::nullopt);
}

TEST(TraceFormat, EventWithoutAPossibleNumberHasNone) {
  EXPECT_EQ(event_id(""), std::nullopt);
  EXPECT_EQ(event_id("name: kvm_exit\nformat:\n"), std::nullopt);
  EXPECT_EQ(event_id("ID: \n"), std::nullopt);
  EXPECT_EQ(event_id("ID: 70000\n"), std::nullopt);
}

TEST(TraceFormat, FieldsAreLoadedWithinTheRecordOnly) {
  constexpr std::array<std::byte, 4> kRecord{std::byte{0x11}, std::byte{0x22}, std::byte{0x33},
                                             std::byte{0x44}};
  EXPECT_EQ(load(kRecord, {1, 2}), 0x3322U);
  EXPECT_EQ(load(kRecord, {0, 4}), 0x44332211U);
  EXPECT_EQ(load(kRecord, {4, 0}), 0U) << "a field that there is not is 0";
  EXPECT_EQ(load(kRecord, {1, 4}), std::nullopt);
  EXPECT_EQ(load(kRecord, {65535, 8}), std::nullopt);
  EXPECT_EQ(load(kRecord, {0, 9}), std::nullopt);
}

}  // namespace
}  // namespace mayfly::exits
