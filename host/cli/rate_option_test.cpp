// SPDX-License-Identifier: Apache-2.0
#include "cli/rate_option.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

Rate rate(std::string_view value, RateOf what = RateOf::kBytes) {
  return check_rate("--disk", "a,rate=x", "rate", value, what);
}

std::string refusal(std::string_view value, RateOf what) {
  try {
    (void)rate(value, what);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RateOption, IsANumberASecond) {
  EXPECT_EQ(rate("10M"), (Rate{10U << 20U, 1U << 20U}));
  EXPECT_EQ(rate("1MiB/4K"), (Rate{1U << 20U, 4096}));
  EXPECT_EQ(rate("500", RateOf::kThings), (Rate{500, 50}));
  EXPECT_EQ(rate("500/7", RateOf::kThings), (Rate{500, 7}));
}

TEST(RateOption, ABucketHoldsOneAtLeast) { EXPECT_EQ(rate("9", RateOf::kThings), (Rate{9, 1})); }

TEST(RateOption, NoNumberThatFitsIsTooLarge) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(rate("18446744073709551615/18446744073709551615"), (Rate{kMax, kMax}));
}

TEST(RateOption, WhatIsNoneIsNamedWithTheMend) {
  EXPECT_EQ(refusal("0", RateOf::kBytes),
            "--disk 'a,rate=x': rate is bytes a second and, after a slash, bytes at once, such as 10M or "
            "10M/1M; leave it out for no limit");
  for (const char* value : {"", "/", "x", "-1", "1/", "/1", "1/0", "1/2/3", "1 M", "1MB",
                            "18446744073709551616", "17592186044416M"}) {
    EXPECT_NE(refusal(value, RateOf::kBytes).find("rate is bytes a second"), std::string::npos) << value;
  }
  for (const char* value : {"1K", "10/1K", "0/5"}) {
    EXPECT_NE(refusal(value, RateOf::kThings).find("rate is how many a second"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace mayfly::cli
