// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/landlock.hpp"

namespace mayfly::sandbox {
namespace {

// The line of a thread's /proc/.../status that begins with `name`.
std::string status_line(const std::string& folder, const std::string& name) {
  std::ifstream file(folder + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":\t")) {
      return line.substr(name.size() + 2);
    }
  }
  return "none";
}

// A child that is locked down, then does `act`, and ends with what that gives. It may remove files from
// `folder`.
template <typename Act>
pid_t locked_down(Mode mode, Act act, int folder = -1) {
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  const bool removes = mode == Mode::kOff || (folder >= 0 && landlock_abi() > 0);
  try {
    Sandbox sandbox(mode, {});
    sandbox.leave_files();
    if (sandbox.lock_down(folder) != removes) {
      ::_exit(98);
    }
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "%s\n", error.what()));
    ::_exit(99);
  }
  ::_exit(act());
}

int status_of(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class LockedDown : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) {
      GTEST_SKIP() << "there is no sandbox in a build with a sanitizer";
    }
  }
};

TEST(Sandbox, OffChangesNothing) {
  const int status =
      status_of(locked_down(Mode::kOff, [] { return ::open("/proc/self/status", O_RDONLY) >= 0 ? 0 : 1; }));
  EXPECT_EQ(status, 0);
}

TEST_F(LockedDown, OpeningAFileKills) {
  const int status =
      status_of(locked_down(Mode::kOn, [] { return ::open("/proc/self/status", O_RDONLY) >= 0 ? 0 : 1; }));
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

// Behind the filter there is nothing either.
TEST_F(LockedDown, ThereIsNoFileToOpen) {
  const int status = status_of(locked_down(Mode::kLog, [] {
    const int file = ::open("/proc/self/status", O_RDONLY);
    return file < 0 && (errno == EACCES || errno == ENOENT) ? 0 : 1;
  }));
  EXPECT_TRUE(landlock_abi() > 0 || ::geteuid() == 0) << "neither Landlock nor namespaces on this host";
  EXPECT_EQ(status, 0);
}

// A file of its own folder goes; one beside it, by whatever path, does not.
TEST_F(LockedDown, FilesAreRemovedFromOneFolderAlone) {
  if (landlock_abi() == 0) {
    GTEST_SKIP() << "no Landlock on this host";
  }
  const std::filesystem::path above = std::filesystem::path(::testing::TempDir()) / "mayfly-sandbox-removes";
  std::filesystem::remove_all(above);
  std::filesystem::create_directories(above / "own");
  for (const char* file : {"own/mine", "other"}) {
    std::ofstream(above / file) << "here";
  }
  const int folder = ::open((above / "own").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(folder, 0);
  const std::string absolute = above / "other";
  const int status = status_of(locked_down(
      Mode::kOn,
      [&] {
        return (::unlinkat(folder, "mine", 0) == 0 ? 0 : 1) +
               (::unlinkat(folder, "../other", 0) != 0 ? 0 : 2) +
               (::unlinkat(folder, absolute.c_str(), 0) != 0 ? 0 : 4);
      },
      folder));
  ::close(folder);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_FALSE(std::filesystem::exists(above / "own/mine"));
  EXPECT_TRUE(std::filesystem::exists(above / "other"));
  std::filesystem::remove_all(above);
}

// Where the host lets ordinary users have namespaces.
TEST_F(LockedDown, AnOrdinaryUserHasAnEmptyRootToo) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "cannot become another user";
  }
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = ::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0 ? 0 : 1;
    try {
      Sandbox sandbox(Mode::kOn, {});
      sandbox.leave_files();
      static_cast<void>(sandbox.lock_down(-1));
    } catch (const std::exception& error) {
      static_cast<void>(std::fprintf(stderr, "%s\n", error.what()));
      byte = 2;
    }
    static_cast<void>(!::write(ready[1], &byte, 1));
    static_cast<void>(!::read(end[0], &byte, 1));
    ::_exit(byte);
  }
  ::close(ready[1]);
  char byte = 9;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 0);
  const std::string process = "/proc/" + std::to_string(child);
  EXPECT_EQ(status_line(process, "CapEff"), "0000000000000000");
  if (std::filesystem::read_symlink(process + "/ns/user") !=
      std::filesystem::read_symlink("/proc/self/ns/user")) {
    EXPECT_EQ(status_line(process, "CapBnd"), "0000000000000000");
    EXPECT_NE(std::filesystem::read_symlink(process + "/ns/mnt"),
              std::filesystem::read_symlink("/proc/self/ns/mnt"));
    EXPECT_TRUE(std::filesystem::is_empty(process + "/root/"));
  }
  byte = 0;
  ASSERT_EQ(::write(end[1], &byte, 1), 1);
  EXPECT_EQ(status_of(child), 0);
}

// By /proc, of the main thread and of one that it starts.
TEST_F(LockedDown, EveryThreadHasGivenUpAll) {
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = locked_down(Mode::kOn, [&] {
    std::thread vcpu([&] {
      confine_thread(ThreadKind::kVcpu);
      char byte = 0;
      static_cast<void>(!::write(ready[1], &byte, 1));
      static_cast<void>(!::read(end[0], &byte, 1));
    });
    vcpu.join();
    return 0;
  });
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  int seen = 0;
  const std::string process = "/proc/" + std::to_string(child);
  for (int tid = child; tid < child + 64; ++tid) {
    const std::string folder = process + "/task/" + std::to_string(tid);
    if (::access(folder.c_str(), F_OK) != 0) {
      continue;
    }
    ++seen;
    EXPECT_EQ(status_line(folder, "Seccomp"), "2");
    EXPECT_EQ(status_line(folder, "Seccomp_filters"), tid == child ? "1" : "2");
    EXPECT_EQ(status_line(folder, "NoNewPrivs"), "1");
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      EXPECT_EQ(status_line(folder, set), "0000000000000000") << set;
    }
    if (::geteuid() == 0) {
      EXPECT_EQ(status_line(folder, "CapBnd"), "0000000000000000");
    }
  }
  EXPECT_EQ(seen, 2);
  rlimit limit{1, 1};
  EXPECT_EQ(::prlimit(child, RLIMIT_CORE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_max, 0U);
  ASSERT_EQ(::write(end[1], &byte, 1), 1);
  EXPECT_EQ(status_of(child), 0);
}

}  // namespace
}  // namespace mayfly::sandbox
