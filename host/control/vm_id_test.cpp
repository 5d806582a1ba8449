// SPDX-License-Identifier: Apache-2.0
#include "control/vm_id.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::control {
namespace {

TEST(VmId, TakesLettersDigitsDashUnderscoreAndDot) {
  for (const char* id : {"a", "web-1", "A_b.c", "0", "_"}) {
    EXPECT_TRUE(is_vm_id(id)) << id;
  }
  EXPECT_TRUE(is_vm_id(std::string(64, 'x')));
}

TEST(VmId, TakesNothingThatIsAPathAnOptionOrTooLong) {
  for (const char* id : {"", ".", "..", ".a", "-a", "a/b", "a b", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(is_vm_id(id)) << id;
  }
  EXPECT_FALSE(is_vm_id(std::string(65, 'x')));
  EXPECT_FALSE(is_vm_id(std::string_view("a\0", 2)));
}

TEST(VmId, OneThatIsNoneIsRefusedByName) {
  try {
    require_vm_id("../x");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 27), "'../x' is no id of a VM; wr");
  }
}

TEST(VmId, RandomOnesAreValidAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string id = random_vm_id();
    EXPECT_TRUE(is_vm_id(id)) << id;
    EXPECT_EQ(id.size(), 8U);
    ids.insert(id);
  }
  EXPECT_GE(ids.size(), 99U);
}

}  // namespace
}  // namespace mayfly::control
