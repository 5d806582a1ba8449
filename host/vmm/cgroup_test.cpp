// SPDX-License-Identifier: Apache-2.0
#include "vmm/cgroup.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::vmm {
namespace {

// Folders and files like those of a cgroup, without a kernel behind them: a group is gone with its folder,
// and one with a process is one with a file.
class CgroupTest : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const { std::ofstream(path(file)) << text; }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream stream(path(file));
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] std::string path(const std::string& file) const { return folder_.path() / file; }
  [[nodiscard]] CgroupFolder folder() const { return CgroupFolder(folder_.path()); }
  [[nodiscard]] Fd group(const std::string& name) const {
    std::filesystem::create_directory(path(name));
    return Fd(::open(path(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  template <typename Act>
  std::string refusal(Act act) const {
    try {
      act();
      return "";
    } catch (const Error& error) {
      std::string text = error.what();
      const std::string here = folder_.path();
      for (std::size_t at = 0; (at = text.find(here)) != std::string::npos;) {
        text.replace(at, here.size(), "HERE");
      }
      return text;
    }
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(CgroupTest, WhatIsNoGroupIsRefused) {
  EXPECT_EQ(refusal([&] { folder().require_version_2(); }),
            "--cgroup: HERE is no cgroup: make one where cgroup2 is mounted, such as /sys/fs/cgroup/mayfly");
  EXPECT_EQ(
      refusal([&] { CgroupFolder(path("none")); }),
      "--cgroup: cannot use HERE/none, which must be the folder of a cgroup: No such file or directory");
}

TEST_F(CgroupTest, AControllerThatIsNotOnIsNamedWithItsMend) {
  write("cgroup.controllers", "cpuset cpu memory\n");
  write("cgroup.subtree_control", "cpu\n");
  EXPECT_EQ(refusal([&] { folder().require_controllers({{"cpu.max", "1"}}); }), "");
  EXPECT_EQ(
      refusal([&] {
        folder().require_controllers({{"cpu.max", "1"}, {"memory.max", "1"}});
      }),
      "--cgroup: HERE/cgroup.subtree_control has no 'memory'; echo +memory >HERE/cgroup.subtree_control");
  EXPECT_EQ(refusal([&] {
              folder().require_controllers({{"pids.max", "1"}});
            }),
            "--cgroup: HERE/cgroup.controllers has no 'pids'; write +pids to cgroup.subtree_control of the "
            "groups above it");
}

TEST_F(CgroupTest, AGroupIsMadeAnewButNotUnderAProcess) {
  EXPECT_TRUE(folder().make("a"));
  EXPECT_TRUE(folder().make("a"));
  EXPECT_TRUE(std::filesystem::is_directory(path("mayfly-a")));
  write("mayfly-a/process", "1");
  EXPECT_EQ(refusal([&] { static_cast<void>(folder().make("a")); }),
            "--cgroup: a process is in HERE/mayfly-a; give another --id, or end that VM (mayfly stop a)");
}

TEST_F(CgroupTest, WhatIsLeftIsRemovedAndNothingElse) {
  for (const char* each : {"mayfly-a", "mayfly-b", "mayfly-c", "others"}) {
    static_cast<void>(group(each));
  }
  write("mayfly-b/process", "1");
  EXPECT_EQ(folder().remove_left(), (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(std::filesystem::exists(path("mayfly-b")));
  EXPECT_TRUE(std::filesystem::exists(path("others")));
  EXPECT_TRUE(folder().remove("never"));
  EXPECT_FALSE(folder().remove("b"));
}

TEST_F(CgroupTest, LimitsAreWrittenAndOneThatCannotBeIsNamed) {
  const Fd made = group("mayfly-a");
  write("mayfly-a/memory.max", "");
  set_limits(made, path("mayfly-a"), {{"memory.max", "4096"}});
  EXPECT_EQ(read("mayfly-a/memory.max"), "4096");
  EXPECT_EQ(refusal([&] {
              set_limits(made, path("mayfly-a"), {{"hugetlb.1GB.max", "7"}});
            }),
            "--cgroup: cannot write '7' to HERE/mayfly-a/hugetlb.1GB.max: No such file or directory");
}

TEST_F(CgroupTest, ItIsEnteredByItsList) {
  const Fd made = group("mayfly-a");
  EXPECT_NE(refusal([&] { enter_cgroup(made, path("mayfly-a")); }).find("cannot move into HERE/mayfly-a"),
            std::string::npos);
  write("mayfly-a/cgroup.procs", "");
  enter_cgroup(made, path("mayfly-a"));
  EXPECT_EQ(read("mayfly-a/cgroup.procs"), "0");
}

TEST_F(CgroupTest, WhetherMemoryRanOutItsEventsSay) {
  static_cast<void>(group("mayfly-a"));
  EXPECT_FALSE(was_out_of_memory(path("mayfly-a")));
  // Killed for want of the host's memory, not of its own.
  write("mayfly-a/memory.events", "low 0\nmax 3\noom 0\noom_kill 1\n");
  EXPECT_FALSE(was_out_of_memory(path("mayfly-a")));
  write("mayfly-a/memory.events", "low 0\nmax 3\noom 2\noom_kill 1\n");
  EXPECT_TRUE(was_out_of_memory(path("mayfly-a")));
}

}  // namespace
}  // namespace mayfly::vmm
