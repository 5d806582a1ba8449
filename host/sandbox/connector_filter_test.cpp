// SPDX-License-Identifier: Apache-2.0
#include "sandbox/connector_filter.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/temporary_folder.hpp"
#include "sandbox/landlock.hpp"

namespace mayfly::sandbox {
namespace {

class ConnectorFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) {
      GTEST_SKIP() << "there is no sandbox in a build with a sanitizer";
    }
    std::filesystem::create_directory(path("own"));
    for (const char* file : {"own/mine", "other"}) {
      std::ofstream(path(file)) << "here";
    }
  }

  [[nodiscard]] std::string path(const char* name) const { return folder_.path() / name; }

  // The wait status of a child that is confined and does `act`; what that gives is its exit status.
  int status_after(Mode mode, const std::function<int()>& act) {
    const Fd own(::open(path("own").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(confine_connector(mode, own.get()) == 0 ? act() : 99);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  static bool is_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(ConnectorFilter, AConnectionIsMadeAndPassedOn) {
  const std::string path = this->path("own/socket");
  const Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  // Safe: the kernel looks at sun_family.
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  ASSERT_EQ(::bind(server.get(), generic, sizeof(address)), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  const int status = status_after(Mode::kOn, [&] {
    const int stream = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return ::connect(stream, generic, sizeof(address)) == 0 && ::close(stream) == 0 ? 7 : errno;
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST_F(ConnectorFilter, AFileOfItsFolderIsRemovedAndNoOther) {
  const bool has_landlock = landlock_abi() > 0;
  const int status = status_after(Mode::kOn, [&] {
    struct stat found {};
    return (::lstat(path("own/mine").c_str(), &found) == 0 ? 0 : 1) +
           (::unlink(path("own/mine").c_str()) == 0 ? 0 : 2) +
           (!has_landlock || ::unlink(path("other").c_str()) != 0 ? 0 : 4);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_FALSE(std::filesystem::exists(path("own/mine")));
}

TEST_F(ConnectorFilter, WhatItDoesNotNeedKills) {
  const std::array<std::function<int()>, 9> outside{
      [] { return ::open("/proc/self/status", O_RDONLY); },
      [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); },
      [] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); },
      [] { return ::execl("/bin/true", "true", nullptr); },
      [] { return static_cast<int>(::fork()); },
      [] { return ::kill(1, 0); },
      [] { return ::accept4(0, nullptr, nullptr, 0); },
      [] { return static_cast<int>(::write(1, "", 0)); },
      [] { return ::rename("/nowhere", "/elsewhere"); },
  };
  for (std::size_t i = 0; i < outside.size(); ++i) {
    const int status = status_after(Mode::kOn, outside[i]);
    EXPECT_TRUE(is_killed(status)) << "call " << i << ": " << status;
  }
}

TEST_F(ConnectorFilter, NothingIsKilledInLogMode) {
  const int status = status_after(Mode::kLog, [] { return ::getppid() > 0 ? 7 : 8; });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST(ConnectorWithoutSandbox, OffTakesNothing) {
  EXPECT_EQ(confine_connector(Mode::kOff, -1), 0);
  const Fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file);
}

}  // namespace
}  // namespace mayfly::sandbox
