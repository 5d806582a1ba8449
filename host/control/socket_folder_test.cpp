// SPDX-License-Identifier: Apache-2.0
#include "control/socket_folder.hpp"

#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::control {
namespace {

using IfMissing = SocketFolder::IfMissing;

class ControlSocketFolder : public ::testing::Test {
 protected:
  static std::string refusal(const std::string& path, IfMissing missing = IfMissing::kMake) {
    try {
      const SocketFolder folder(path, missing);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  static std::string claim_refusal(const SocketFolder& folder, const std::string& id) {
    try {
      (void)folder.claim(id);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  /// A socket that nobody listens at any more.
  void leave(const SocketFolder& folder, const std::string& id) {
    const std::string path = folder.path_of(id);
    {
      const lease::Listener listener = folder.claim(id);
      std::filesystem::rename(path, path + "-left");
    }
    std::filesystem::rename(path + "-left", path);
  }

  mayfly::testing::TemporaryFolder root_;
  std::string path_ = root_.path() / "mayfly";
};

TEST_F(ControlSocketFolder, IsMadeForItsUserAlone) {
  const SocketFolder folder(path_, IfMissing::kMake);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  EXPECT_EQ(refusal(path_), "");
}

TEST_F(ControlSocketFolder, MissingOneIsEmptyToWhoOnlyLooks) {
  const SocketFolder folder(path_, IfMissing::kStaysEmpty);
  EXPECT_TRUE(folder.ids().empty());
  EXPECT_TRUE(folder.remove_dead().empty());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketFolder, OneThatOthersMayUseIsRefused) {
  std::filesystem::create_directory(path_);
  for (const mode_t mode : {0770U, 0701U, 0777U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_NE(refusal(path_).find("not yours alone"), std::string::npos);
  }
}

TEST_F(ControlSocketFolder, AnotherUsersIsRefused) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can make another user's folder";
  }
  std::filesystem::create_directory(path_);
  ASSERT_EQ(::chmod(path_.c_str(), 0700), 0);
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal(path_).find("not yours alone"), std::string::npos);
}

TEST_F(ControlSocketFolder, SymbolicLinkAndFileAreRefused) {
  std::filesystem::create_directory(root_.path() / "elsewhere");
  std::filesystem::create_symlink(root_.path() / "elsewhere", path_);
  EXPECT_NE(refusal(path_).find("must be a folder and no symbolic link"), std::string::npos);
  std::filesystem::remove(path_);
  std::ofstream(path_) << "text";
  EXPECT_NE(refusal(path_).find("must be a folder"), std::string::npos);
}

TEST_F(ControlSocketFolder, PlaceFollowsTheEnvironment) {
  const char* const before = ::getenv("XDG_RUNTIME_DIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("XDG_RUNTIME_DIR", "/somewhere", 1);
  EXPECT_EQ(socket_folder(), "/somewhere/mayfly");
  for (const char* none : {"", "relative"}) {
    ::setenv("XDG_RUNTIME_DIR", none, 1);
    EXPECT_EQ(socket_folder(),
              ::geteuid() == 0 ? "/run/mayfly" : "/tmp/mayfly-" + std::to_string(::geteuid()));
  }
  before == nullptr ? ::unsetenv("XDG_RUNTIME_DIR") : ::setenv("XDG_RUNTIME_DIR", kept.c_str(), 1);
}

TEST_F(ControlSocketFolder, LivingIdIsRefusedByNameAndDeadOneReplaced) {
  const SocketFolder folder(path_, IfMissing::kMake);
  {
    const lease::Listener living = folder.claim("a");
    EXPECT_EQ(claim_refusal(folder, "a").substr(0, 35), "a VM with the id 'a' is running; gi");
    EXPECT_EQ(claim_refusal(folder, "b"), "");
  }
  leave(folder, "a");
  EXPECT_EQ(claim_refusal(folder, "a"), "");
}

TEST_F(ControlSocketFolder, OnlyTheDeadAreRemovedAndNamed) {
  const SocketFolder folder(path_, IfMissing::kMake);
  const lease::Listener living = folder.claim("living");
  leave(folder, "dead");
  std::ofstream(path_ + "/file.sock") << "text";
  std::ofstream(path_ + "/.hidden.sock") << "text";
  EXPECT_EQ(folder.ids(), (std::vector<std::string>{"dead", "file", "living"}));
  EXPECT_EQ(folder.remove_dead(), std::vector<std::string>{"dead"});
  EXPECT_EQ(folder.ids(), (std::vector<std::string>{"file", "living"}));
}

TEST_F(ControlSocketFolder, SocketsComeAndGoOneAtATime) {
  const SocketFolder folder(path_, IfMissing::kMake);
  const Fd other(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  EXPECT_NE(claim_refusal(folder, "a").find("cannot lock"), std::string::npos);
  ASSERT_EQ(::flock(other.get(), LOCK_UN), 0);
  EXPECT_EQ(claim_refusal(folder, "a"), "");
}

}  // namespace
}  // namespace mayfly::control
