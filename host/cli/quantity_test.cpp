// SPDX-License-Identifier: Apache-2.0
#include "cli/quantity.hpp"

#include <gtest/gtest.h>

namespace mayfly::cli {
namespace {

TEST(Quantity, SizesArePowersOf1024) {
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("1K"), 1U << 10U);
  EXPECT_EQ(parse_bytes("512M"), 512U << 20U);
  EXPECT_EQ(parse_bytes("2G"), 2ULL << 30U);
  EXPECT_EQ(parse_bytes("3T"), 3ULL << 40U);
  EXPECT_EQ(parse_bytes("7KiB"), 7U << 10U);
  EXPECT_EQ(parse_bytes("7MiB"), 7U << 20U);
  EXPECT_EQ(parse_bytes("7GiB"), 7ULL << 30U);
  EXPECT_EQ(parse_bytes("7TiB"), 7ULL << 40U);
}

TEST(Quantity, DurationsNeedTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500'000'000U);
  EXPECT_EQ(parse_duration("10s"), 10'000'000'000U);
  EXPECT_EQ(parse_duration("2m"), 120'000'000'000U);
  EXPECT_EQ(parse_duration("1h"), 3'600'000'000'000U);
  EXPECT_EQ(parse_duration("10"), std::nullopt);
}

TEST(Quantity, WhatIsNotANumberIsRefused) {
  for (const char* text :
       {"", " 1", "1 ", "-1", "+1", "1.5G", "0x10", "M", "1MB", "1m", "1Mi", "1GiBs", "1 M"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
  for (const char* text : {"", "s", "1.5s", "-1s", "1S", "1 s", "1us", "1d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  for (const char* text : {"", "1K", "two", "-1", "1 "}) {
    EXPECT_EQ(parse_count(text), std::nullopt) << text;
  }
}

TEST(Quantity, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(parse_count("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_count("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_bytes("16777215T"), 16777215ULL << 40U);
  EXPECT_EQ(parse_bytes("16777216T"), std::nullopt);
  EXPECT_EQ(parse_duration("9999999999h"), std::nullopt);
}

TEST(TakePart, PartsComeOneByOne) {
  std::string_view rest = "a,,b";
  EXPECT_EQ(take_part(rest), "a");
  EXPECT_EQ(take_part(rest), "");
  EXPECT_EQ(take_part(rest), "b");
  EXPECT_EQ(take_part(rest), "");
}

TEST(TakeSetting, AKeyMayHaveNoValue) {
  std::string_view rest = "path=a=b,alone,=c";
  const auto is = [&rest](std::string_view key, std::string_view value) {
    const Setting setting = take_setting(rest);
    EXPECT_EQ(setting.key, key);
    EXPECT_EQ(setting.value, value);
  };
  is("path", "a=b");
  is("alone", "");
  is("", "c");
  EXPECT_EQ(rest, "");
}

TEST(ParseDescriptor, StdioIsNone) {
  EXPECT_EQ(parse_descriptor("3"), 3);
  EXPECT_EQ(parse_descriptor("2147483647"), 2147483647);
  for (const char* text : {"", "2", "-1", "2147483648", "three"}) {
    EXPECT_EQ(parse_descriptor(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mayfly::cli
