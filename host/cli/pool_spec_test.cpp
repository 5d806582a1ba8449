// SPDX-License-Identifier: Apache-2.0
#include "cli/pool_spec.hpp"

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "cli/pool_command.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::vector<std::string>& texts) {
  try {
    (void)check_shelves(texts);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PoolSpec, SizeAloneIsOneOfHugePages) {
  const auto shelves = check_shelves({"512M"});
  ASSERT_EQ(shelves.size(), 1U);
  EXPECT_EQ(shelves[0].kind.bytes, 512 * kMiB);
  EXPECT_EQ(shelves[0].kind.pages, Pages::k2m);
  EXPECT_EQ(shelves[0].kind.node, std::nullopt);
  EXPECT_EQ(shelves[0].count, 1U);
  EXPECT_EQ(shelves[0].most, 1U);
}

TEST(PoolSpec, EveryKeyArrives) {
  const auto shelves = check_shelves({"8G,pages=1g,node=1,count=4,most=6", "1G,count=3"});
  ASSERT_EQ(shelves.size(), 2U);
  EXPECT_EQ(shelves[0].kind.pages, Pages::k1g);
  EXPECT_EQ(shelves[0].kind.node, 1U);
  EXPECT_EQ(shelves[0].count, 4U);
  EXPECT_EQ(shelves[0].most, 6U);
  EXPECT_EQ(shelves[1].most, 3U);
}

TEST(PoolSpec, WhatMakesNoSenseIsNamed) {
  EXPECT_NE(refusal({}).find("no memory given"), std::string::npos);
  for (const char* size : {"", "much", "1M", "33M", "128T", ",pages=2m"}) {
    EXPECT_NE(refusal({size}).find("is no size as"), std::string::npos) << size;
  }
  EXPECT_EQ(refusal({"1G,pages=auto"}), "'1G,pages=auto': pages is 2m, 1g, thp or 4k");
  EXPECT_EQ(refusal({"1G,node=1024"}), "'1G,node=1024': node is a number from 0 to 1023");
  EXPECT_EQ(refusal({"1G,count=0"}), "'1G,count=0': count is a number from 1 to 4096");
  EXPECT_EQ(refusal({"1G,count=3,most=2"}), "'1G,count=3,most=2': most is less than count");
  EXPECT_EQ(refusal({"512M,pages=1g"}), "'512M,pages=1g': not a multiple of its pages");
  EXPECT_NE(refusal({"1G,cpu=1"}).find("after the size there may be"), std::string::npos);
  EXPECT_NE(refusal({"1G", "1024M,count=2"}).find("named twice"), std::string::npos);
}

TEST(PoolSpec, KindsAreBounded) {
  std::vector<std::string> many;
  for (int i = 1; i <= 17; ++i) {
    many.push_back(std::to_string(i) + "G");
  }
  EXPECT_NE(refusal(many).find("at most 16 kinds"), std::string::npos);
}

TEST(PoolCommand, WithoutASocketIsRefused) {
  EXPECT_THROW((void)check_pool_options({.socket = "", .memory = {"1G"}}), Error);
  EXPECT_EQ(check_pool_options({.socket = "s", .memory = {"1G"}}).socket, "s");
}

TEST(PoolCommand, StatusIsATable) {
  EXPECT_EQ(to_text({{.bytes = 8 * kGiB,
                      .pages = 3,
                      .node = 1,
                      .ready = 2,
                      .lent = 3,
                      .on_the_way = 1,
                      .count = 4,
                      .most = 6,
                      .waiting = 0,
                      .filled = 70,
                      .handed_out = 67,
                      .handed_out_late = 5},
                     {.bytes = 512 * kMiB, .pages = 1}}),
            "MEMORY  PAGES  NODE  READY  LENT  UNDERWAY  COUNT  MOST  WAITING  FILLED  HANDED-OUT  LATE\n"
            "8192M   2m     1     2      3     1         4      6     0        70      67          5\n"
            "512M    4k     -     0      0     0         0      0     0        0       0           0\n");
}

}  // namespace
}  // namespace mayfly::cli
