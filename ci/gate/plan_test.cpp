// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/plan.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

std::string refusal(const std::string& variants) {
  return error_of(
      [&] { static_cast<void>(parse_plan("p.json", R"({"version": 1, "variants": )" + variants + "}")); });
}

TEST(Plan, ComesBackAsItWasWritten) {
  const std::vector<Variant> variants = {{.name = "base",
                                          .mayfly = "/m",
                                          .kernel = "/k",
                                          .image = "/i",
                                          .options = {"--pages=4k"},
                                          .command = {"a b"}},
                                         {.name = "now", .image = "/j"}};
  const auto read = parse_plan("p.json", to_text(variants));
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(to_text(read), to_text(variants));
}

TEST(Plan, WhatIsWrongIsNamed) {
  EXPECT_TRUE(contains(refusal("[]"), "variants must be 1 to 10"));
  EXPECT_TRUE(contains(refusal(R"([{"name": "a"}])"), "variants[0].image is missing"));
  EXPECT_TRUE(contains(refusal(R"([{"name": "../a", "image": "i"}])"), "variants[0].name must be 1 to 32"));
  EXPECT_TRUE(
      contains(refusal(R"([{"name": "a", "image": "i"}, {"name": "a", "image": "i"}])"), "variants[1].name"));
  EXPECT_TRUE(
      contains(refusal(R"([{"name": "a", "image": "i", "options": [1]}])"), "variants[0].options holds"));
  EXPECT_TRUE(
      contains(refusal(R"([{"name": "a", "image": "i", "imago": ""}])"), "variants[0].imago is no key"));
}

}  // namespace
}  // namespace mayfly::gate
