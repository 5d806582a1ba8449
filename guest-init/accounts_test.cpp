// SPDX-License-Identifier: Apache-2.0
#include "guest-init/accounts.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

constexpr std::string_view kPasswd =
    "# comment\n"
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken:x:notanumber:1::/x:\n"
    "short:x:7\n"
    "joe:x:1000:1001:Joe:/home/joe:/bin/sh\n"
    "joe:x:2000:2000::/second:/bin/sh\n"
    "bare:x:5:6::";

constexpr std::string_view kGroup =
    "root:x:0:\n"
    "audio:x:29:ann,joe\n"
    "joel:x:30:joel\n"
    "video:x:44:joe\n"
    "bad:x:none:joe\n"
    "tty:x:5:";

TEST(ParseId, TakesWholeDecimalNumbersOnly) {
  EXPECT_EQ(parse_id("0"), 0U);
  EXPECT_EQ(parse_id("4294967294"), 4294967294U);
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "1x", "x", "4294967295", "4294967296", "99999999999"}) {
    EXPECT_EQ(parse_id(text), std::nullopt) << text;
  }
}

TEST(FindAccount, FindsTheFirstOfAName) {
  const auto account = find_account(kPasswd, "joe");
  ASSERT_TRUE(account.has_value());
  EXPECT_EQ(account->uid, 1000U);
  EXPECT_EQ(account->gid, 1001U);
  EXPECT_EQ(account->home, "/home/joe");
}

TEST(FindAccount, FindsByUid) {
  EXPECT_EQ(find_account(kPasswd, uid_t{2000})->home, "/second");
  EXPECT_FALSE(find_account(kPasswd, uid_t{77}).has_value());
}

TEST(FindAccount, TakesAnEmptyHomeAndALastLineWithoutEnd) {
  const auto account = find_account(kPasswd, "bare");
  ASSERT_TRUE(account.has_value());
  EXPECT_EQ(account->home, "");
}

TEST(FindAccount, PassesOverMalformedLines) {
  EXPECT_FALSE(find_account(kPasswd, "broken").has_value());
  EXPECT_FALSE(find_account(kPasswd, "short").has_value());
  EXPECT_FALSE(find_account(kPasswd, "").has_value());
  EXPECT_FALSE(find_account("", "root").has_value());
  EXPECT_FALSE(find_account("\n\n:::::\n", "root").has_value());
}

TEST(FindGroup, FindsByName) {
  EXPECT_EQ(find_group(kGroup, "tty"), 5U);
  EXPECT_EQ(find_group(kGroup, "bad"), std::nullopt);
  EXPECT_EQ(find_group(kGroup, "nosuch"), std::nullopt);
}

TEST(CollectGroups, CollectsThoseThatListTheWholeName) {
  GroupSet groups;
  ASSERT_TRUE(collect_groups(kGroup, "joe", groups));
  const auto found = groups.view();
  EXPECT_EQ(std::vector<gid_t>(found.begin(), found.end()), (std::vector<gid_t>{29, 44}));
}

TEST(CollectGroups, SaysWhenThereAreTooMany) {
  std::string text;
  for (std::size_t i = 0; i < GroupSet::kGroupsMax; ++i) {
    text += "g:x:" + std::to_string(i) + ":joe\n";
  }
  GroupSet full;
  EXPECT_TRUE(collect_groups(text, "joe", full));
  GroupSet over;
  EXPECT_FALSE(collect_groups(text + "one:x:9999:joe\n", "joe", over));
}

}  // namespace
}  // namespace mayfly::init
