// SPDX-License-Identifier: Apache-2.0
#include "doctor/cpu_list.hpp"

#include <gtest/gtest.h>

namespace mayfly::doctor {
namespace {

TEST(CpuList, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(parse_cpu_list(""), CpuList{});
  EXPECT_EQ(parse_cpu_list("5"), CpuList{5});
  EXPECT_EQ(parse_cpu_list("0-3,8"), (CpuList{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("8,2-3,3"), (CpuList{2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("8191"), CpuList{8191});
}

TEST(CpuList, RefusesOtherForms) {
  for (const char* text :
       {"a", "1-", "-1", "3-2", "1,,2", "1,", ",1", "1 2", "0x1", "8192", "0-99999999999", " 1"}) {
    EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
  }
}

TEST(CpuList, EndlessRepetitionIsRefused) {
  std::string text = "0-8191";
  for (int i = 0; i < 1000; ++i) {
    text += ",0-8191";
  }
  EXPECT_EQ(parse_cpu_list(text), std::nullopt);
}

TEST(CpuList, TextIsTheShortest) {
  EXPECT_EQ(to_text(CpuList{}), "");
  EXPECT_EQ(to_text(CpuList{0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
}

TEST(CpuList, DifferenceKeepsOrder) {
  EXPECT_EQ(difference({1, 2, 3, 4}, {2, 4, 9}), (CpuList{1, 3}));
  EXPECT_TRUE(contains({1, 5}, 5));
  EXPECT_FALSE(contains({1, 5}, 4));
}

}  // namespace
}  // namespace mayfly::doctor
