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

// A child that is locked down, then does `act`, and ends with what that gives; or waits for `end` first.
template <typename Act>
pid_t locked_down(Mode mode, Act act) {
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  try {
    Sandbox sandbox(mode, {});
    sandbox.lock_down();
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

TEST(Sandbox, OffChangesNothing) {
  const int status =
      status_of(locked_down(Mode::kOff, [] { return ::open("/proc/self/status", O_RDONLY) >= 0 ? 0 : 1; }));
  EXPECT_EQ(status, 0);
}

TEST(Sandbox, OpeningAFileKills) {
  const int status =
      status_of(locked_down(Mode::kOn, [] { return ::open("/proc/self/status", O_RDONLY) >= 0 ? 0 : 1; }));
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

// Behind the filter there is nothing either.
TEST(Sandbox, ThereIsNoFileToOpen) {
  const int status = status_of(locked_down(Mode::kLog, [] {
    const int file = ::open("/proc/self/status", O_RDONLY);
    return file < 0 && (errno == EACCES || errno == ENOENT) ? 0 : 1;
  }));
  EXPECT_TRUE(landlock_abi() > 0 || ::geteuid() == 0) << "neither Landlock nor namespaces on this host";
  EXPECT_EQ(status, 0);
}

// Where the host lets ordinary users have namespaces.
TEST(Sandbox, AnOrdinaryUserHasAnEmptyRootToo) {
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
      sandbox.lock_down();
    } catch (const std::exception& error) {
      static_cast<void>(std::fprintf(stderr, "%s\n", error.what()));
      byte = 2;
    }
    static_cast<void>(!::write(ready[1], &byte, 1));
    static_cast<void>(!::read(end[0], &byte, 1));
    ::_exit(byte);
  }
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
TEST(Sandbox, EveryThreadHasGivenUpAll) {
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
