// SPDX-License-Identifier: Apache-2.0
#include "guest-init/module_list.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

constexpr std::string_view kList =
    "kernel/drivers/i2c/i2c-core.ko:\n"
    "kernel/drivers/nvme/host/nvme.ko: kernel/drivers/nvme/host/nvme-core.ko kernel/block/t10.ko\n"
    "not a line of ours\n"
    "/opt/vendor/edu.ko.xz:\tkernel/a.ko \r\n"
    "kernel/last.ko: kernel/first.ko";

std::vector<std::string> in_order(std::string_view name) {
  std::vector<std::string> files;
  const auto found = find_module(kList, name);
  if (!found.has_value()) {
    return files;
  }
  std::string_view needs = found->needs;
  for (std::string_view word = take_last_word(needs); !word.empty(); word = take_last_word(needs)) {
    files.emplace_back(word);
  }
  files.emplace_back(found->file);
  return files;
}

using Files = std::vector<std::string>;

TEST(ModuleList, WhatIsNeededComesFirst) {
  EXPECT_EQ(in_order("nvme"), (Files{"kernel/block/t10.ko", "kernel/drivers/nvme/host/nvme-core.ko",
                                     "kernel/drivers/nvme/host/nvme.ko"}));
}

TEST(ModuleList, OneThatNeedsNothingStandsAlone) {
  EXPECT_EQ(in_order("i2c-core"), Files{"kernel/drivers/i2c/i2c-core.ko"});
}

TEST(ModuleList, DashAndUnderscoreAreTheSame) {
  EXPECT_EQ(in_order("i2c_core"), Files{"kernel/drivers/i2c/i2c-core.ko"});
}

TEST(ModuleList, AbsolutePathsAndOtherBlanksAreTaken) {
  EXPECT_EQ(in_order("edu"), (Files{"kernel/a.ko", "/opt/vendor/edu.ko.xz"}));
}

TEST(ModuleList, LastLineNeedsNoEnd) {
  EXPECT_EQ(in_order("last"), (Files{"kernel/first.ko", "kernel/last.ko"}));
}

TEST(ModuleList, PartsOfNamesAreOthers) {
  for (const std::string_view name : {"nvm", "vme", "nvme.ko", "nvme-core", "", "not a line of ours"}) {
    EXPECT_TRUE(in_order(name).empty()) << name;
  }
}

TEST(ModuleList, EmptyListHasNone) { EXPECT_FALSE(find_module("", "nvme").has_value()); }

}  // namespace
}  // namespace mayfly::init
