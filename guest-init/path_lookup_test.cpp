// SPDX-License-Identifier: Apache-2.0
#include "guest-init/path_lookup.hpp"

#include <cerrno>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "guest-init/temporary_directory.hpp"

namespace mayfly::init {
namespace {

class FindProgram : public testing::Test {
 protected:
  FindProgram() {
    for (const char* name : {"a", "b", "b/directory"}) {
      std::filesystem::create_directory(directory_ / name);
    }
    directory_.write("a/plain", "", 0644);
    directory_.write("a/both", "", 0644);
    directory_.write("b/both", "", 0755);
    directory_.write("b/tool", "", 0755);
    search_path_ = (directory_ / "missing") + ":" + (directory_ / "a") + ":" + (directory_ / "b");
  }

  int find(std::string_view command) { return find_program(command, search_path_, program_); }
  [[nodiscard]] std::string found() const { return program_.data(); }

  TemporaryDirectory directory_;
  std::string search_path_;
  PathBuffer program_{};
};

TEST_F(FindProgram, TakesTheFirstThatCanBeExecuted) {
  EXPECT_EQ(find("tool"), 0);
  EXPECT_EQ(found(), directory_ / "b/tool");
  EXPECT_EQ(find("both"), 0);
  EXPECT_EQ(found(), directory_ / "b/both");
}

TEST_F(FindProgram, SaysWhetherThereIsNoneOrNoneToExecute) {
  EXPECT_EQ(find("nosuch"), ENOENT);
  EXPECT_EQ(find("plain"), EACCES);
  EXPECT_EQ(find("directory"), EACCES);
  EXPECT_EQ(find(""), ENOENT);
}

TEST_F(FindProgram, CommandWithASlashIsNotSearchedFor) {
  EXPECT_EQ(find(directory_ / "b/tool"), 0);
  EXPECT_EQ(found(), directory_ / "b/tool");
  EXPECT_EQ(find(directory_ / "a/plain"), EACCES);
  EXPECT_EQ(find(directory_ / "b/tool/x"), ENOTDIR);
  EXPECT_EQ(find("./nosuch"), ENOENT);
}

TEST_F(FindProgram, EmptyDirectoryIsTheWorkingDirectory) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory_ / "b");
  search_path_ = "/nosuch:";
  EXPECT_EQ(find("tool"), 0);
  EXPECT_EQ(found(), "tool");
  std::filesystem::current_path(before);
}

TEST_F(FindProgram, CommandThatIsTooLongIsRefused) {
  EXPECT_EQ(find("/" + std::string(PATH_MAX, 'x')), ENAMETOOLONG);
}

TEST_F(FindProgram, DirectoryThatIsTooLongIsPassedOver) {
  search_path_ = "/" + std::string(PATH_MAX, 'x') + ":" + search_path_;
  EXPECT_EQ(find("tool"), 0);
  EXPECT_EQ(find("nosuch"), ENOENT);
}

}  // namespace
}  // namespace mayfly::init
