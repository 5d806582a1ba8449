// SPDX-License-Identifier: Apache-2.0
#include "vmm/connector_process.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::vmm {
namespace {

using lease::SocketKind;
using sandbox::Mode;

constexpr int kPatienceMs = 60'000;

class ConnectorProcessTest : public ::testing::Test {
 protected:
  ~ConnectorProcessTest() override {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  [[nodiscard]] bool is_there() const {
    struct stat status {};
    return ::lstat(path_.c_str(), &status) == 0;
  }
  static bool becomes_readable(int fd) {
    pollfd readable{fd, POLLIN, 0};
    return ::poll(&readable, 1, kPatienceMs) == 1;
  }
  /// The line of /proc/ID/status that begins with `name`.
  static std::string status_line(pid_t id, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(id) + "/status");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(name + ":\t")) {
        return line.substr(name.size() + 2);
      }
    }
    return "none";
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "guest.sock";
};

TEST_F(ConnectorProcessTest, ConnectsToPortsWhereSomebodyListens) {
  ConnectorProcess process(path_, Mode::kOn);
  const auto [listener, connector] = process.take_doors();
  const lease::Listener port(vsock::path_of_port(path_, 7), SocketKind::kStream);
  ASSERT_TRUE(connector.ask(1, 7));
  ASSERT_TRUE(becomes_readable(connector.fd()));
  auto answer = connector.take();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->serial, 1U);
  const Fd server = port.accept();
  ASSERT_TRUE(server);
  ASSERT_EQ(::send(answer->stream.get(), "hello", 5, MSG_NOSIGNAL), 5);
  std::array<char, 8> got{};
  EXPECT_EQ(::recv(server.get(), got.data(), got.size(), 0), 5);

  ASSERT_TRUE(connector.ask(2, 8));
  ASSERT_TRUE(becomes_readable(connector.fd()));
  answer = connector.take();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->serial, 2U);
  EXPECT_FALSE(answer->stream);
}

TEST_F(ConnectorProcessTest, PathIsGoneAtTheEnd) {
  {
    ConnectorProcess process(path_, Mode::kOn);
    const auto doors = process.take_doors();
    EXPECT_EQ(lease::listens_at(path_, SocketKind::kStream), 0);
  }
  EXPECT_FALSE(is_there());
}

TEST_F(ConnectorProcessTest, PathIsGoneWhenNobodyTookWhatItGives) {
  { const ConnectorProcess process(path_, Mode::kOn); }
  EXPECT_FALSE(is_there());
}

TEST_F(ConnectorProcessTest, PathIsGoneWhenItsOwnerIsKilled) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    ConnectorProcess process(path_, Mode::kOn);
    const auto doors = process.take_doors();
    const pid_t id = process.id();
    static_cast<void>(!::write(ready[1], &id, sizeof(id)));
    for (;;) {
      ::pause();
    }
  }
  pid_t id = 0;
  ASSERT_EQ(::read(ready[0], &id, sizeof(id)), static_cast<ssize_t>(sizeof(id)));
  EXPECT_TRUE(is_there());
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  // Of the pipe's ends that write, what is left is ours and, had it kept one, that process's.
  ::close(ready[1]);
  EXPECT_TRUE(becomes_readable(ready[0]));
  for (int tries = 0; is_there() && tries < kPatienceMs / 10; ++tries) {
    ::usleep(10'000);
  }
  EXPECT_FALSE(is_there());
  ::close(ready[0]);
}

/// Between the making of the socket and of a process that would remove it there must be no moment.
TEST_F(ConnectorProcessTest, PathIsGoneWhenItsOwnerIsKilledAsItStartsTheProcess) {
  const pid_t owner = ::fork();
  if (owner == 0) {
    ::pthread_atfork([] { ::raise(SIGKILL); }, nullptr, nullptr);
    const ConnectorProcess process(path_, Mode::kOn);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(owner, &status, 0), owner);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_FALSE(is_there());
}

TEST_F(ConnectorProcessTest, AnothersSocketStays) {
  std::optional<lease::Listener> other;
  {
    ConnectorProcess process(path_, Mode::kOn);
    const auto doors = process.take_doors();
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    other.emplace(path_, SocketKind::kStream);
  }
  EXPECT_TRUE(is_there());
}

TEST_F(ConnectorProcessTest, WhereSomebodyListensNoneStarts) {
  const lease::Listener other(path_, SocketKind::kStream);
  {
    ConnectorProcess process(path_, Mode::kOn);
    try {
      static_cast<void>(process.take_doors());
      FAIL() << "it listens, too";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), path_ + " is in use: somebody serves there already");
    }
  }
  EXPECT_TRUE(is_there());
}

TEST_F(ConnectorProcessTest, SignalsOfAJobAreNotForIt) {
  ConnectorProcess process(path_, Mode::kOn);
  const auto [listener, connector] = process.take_doors();
  EXPECT_NE(::getpgid(process.id()), ::getpgrp());
  EXPECT_NE(::getsid(process.id()), ::getsid(0));
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    ASSERT_EQ(::kill(process.id(), number), 0);
  }
  ASSERT_TRUE(connector.ask(1, 7));
  ASSERT_TRUE(becomes_readable(connector.fd()));
  EXPECT_TRUE(connector.take().has_value());
}

TEST_F(ConnectorProcessTest, HasNextToNothing) {
  const Fd ours(::dup(STDERR_FILENO));
  ConnectorProcess process(path_, Mode::kOn);
  const auto doors = process.take_doors();
  const std::string folder = "/proc/" + std::to_string(process.id());
  for (const auto& each : std::filesystem::directory_iterator(folder + "/fd")) {
    const std::string target = std::filesystem::read_symlink(each.path());
    EXPECT_TRUE(target == "/dev/null" || target.starts_with("socket:")) << target;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder + "/fd"), {}), 5)
      << "stdio, the channel, the socket at the path";
  if (!sandbox::kSanitized) {
    EXPECT_EQ(status_line(process.id(), "Seccomp"), "2");
    EXPECT_EQ(status_line(process.id(), "NoNewPrivs"), "1");
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      EXPECT_EQ(status_line(process.id(), set), "0000000000000000") << set;
    }
  }
}

}  // namespace
}  // namespace mayfly::vmm
