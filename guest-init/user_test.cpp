// SPDX-License-Identifier: Apache-2.0
#include "guest-init/user.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "guest-init/temporary_directory.hpp"

namespace mayfly::init {
namespace {

class ResolveUser : public testing::Test {
 protected:
  ResolveUser()
      : passwd_(
            directory_.write("passwd", "root:x:0:0::/root:\njoe:x:1000:1001::/home/joe:\nnil:x:7:8:::\n")),
        group_(directory_.write("group", "audio:x:29:joe\nstaff:x:50:\n")) {}

  /// "uid:gid:home:groups" or what failed.
  std::string resolve(std::string_view spec) {
    User user;
    if (const Step failed = resolve_user(spec, {passwd_.c_str(), group_.c_str()}, user); failed) {
      error_ = failed->error;
      return std::string(failed->text.view());
    }
    std::string text = std::to_string(user.uid) + ":" + std::to_string(user.gid) + ":";
    text += user.home.view();
    for (const gid_t group : user.groups.view()) {
      text += ":" + std::to_string(group);
    }
    return text;
  }

  TemporaryDirectory directory_;
  std::string passwd_;
  std::string group_;
  int error_ = 0;
};

TEST_F(ResolveUser, NobodyNamedIsRootWithoutReadingAFile) {
  passwd_ = directory_ / "unreadable/";
  EXPECT_EQ(resolve(""), "0:0:/root");
}

TEST_F(ResolveUser, NameGetsItsAccountAndItsGroups) { EXPECT_EQ(resolve("joe"), "1000:1001:/home/joe:29"); }

TEST_F(ResolveUser, GroupAfterTheColonIsTheOnlyOne) {
  EXPECT_EQ(resolve("joe:staff"), "1000:50:/home/joe");
  EXPECT_EQ(resolve("joe:77"), "1000:77:/home/joe");
}

TEST_F(ResolveUser, NumberWithAccountIsThatAccount) { EXPECT_EQ(resolve("1000"), "1000:1001:/home/joe:29"); }

TEST_F(ResolveUser, NumberNeedsNoAccountAndNoFile) {
  EXPECT_EQ(resolve("4242"), "4242:0:/");
  passwd_ = directory_ / "missing";
  group_ = directory_ / "missing";
  EXPECT_EQ(resolve("4242:5"), "4242:5:/");
}

TEST_F(ResolveUser, AccountWithoutHomeHasTheRoot) { EXPECT_EQ(resolve("nil"), "7:8:/"); }

TEST_F(ResolveUser, UnknownNamesAreNamed) {
  EXPECT_EQ(resolve("ann"), "finding user ann");
  EXPECT_EQ(error_, ENOENT);
  EXPECT_EQ(resolve("joe:nosuch"), "finding group nosuch");
  EXPECT_EQ(resolve("joe:"), "finding group");
  EXPECT_EQ(resolve(":5"), "finding user");
}

TEST_F(ResolveUser, FileThatIsTooLargeIsRefusedByName) {
  passwd_ = directory_.write("huge", std::string((256U << 10U) + 1, '\n'));
  EXPECT_EQ(resolve("joe"), "reading " + passwd_);
  EXPECT_EQ(error_, EFBIG);
}

TEST_F(ResolveUser, HomeThatIsTooLongIsRefused) {
  passwd_ = directory_.write("long", "joe:x:1:1::/" + std::string(kHomeBytesMax, 'h') + ":\n");
  EXPECT_EQ(resolve("joe"), "reading the account of user joe");
  EXPECT_EQ(error_, ENAMETOOLONG);
}

}  // namespace
}  // namespace mayfly::init
