// SPDX-License-Identifier: Apache-2.0
/// The agent as an ordinary process, a Unix socket in the place of AF_VSOCK.
#include "guest-init/agent.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/fake_host.hpp"
#include "guest-init/protocol/launch.hpp"

namespace mayfly::init {
namespace {

using protocol::ExitKind;
using protocol::FrameType;
using protocol::LaunchField;
using protocol::Stream;
using Bytes = std::vector<std::byte>;

/// Looks until it is so, for half a minute at most.
bool comes_true(const std::function<bool()>& is_so) {
  for (int looks = 0; looks < 3000; ++looks) {
    if (is_so()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// A launch request.
class Launch {
 public:
  Launch& add(LaunchField field, std::string_view value) {
    writer_.add(field, value);
    return *this;
  }
  Launch& add_terminal() {
    writer_.add_terminal({.rows = 24, .columns = 80});
    return *this;
  }
  Launch& add_shell(std::string_view script) {
    return add(LaunchField::kArgument, "sh")
        .add(LaunchField::kArgument, "-c")
        .add(LaunchField::kArgument, script);
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  protocol::LaunchWriter<Bytes> writer_{bytes_};
};

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "init changes user, groups and capabilities: needs root";
    }
    // An abstract address that the kernel chooses (unix(7), autobind).
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sa_family_t family = AF_UNIX;
    ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&family), sizeof(family)), 0);
    ASSERT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &address_bytes_), 0);
    ASSERT_EQ(listen(listener_, 16), 0);
    first_launch_.add(LaunchField::kArgument, "the workload")
        .add(LaunchField::kEnvironment, "PATH=/usr/bin:/bin")
        .add(LaunchField::kEnvironment, "COLOUR=blue")
        .add(LaunchField::kWorkdir, "/usr");
  }
  void TearDown() override {
    hang_up();
    if (agent_ > 0) {
      kill(agent_, SIGKILL);
      waitpid(agent_, nullptr, 0);
    }
    close(listener_);
  }

  void start_agent() {
    std::memcpy(storage_->bytes.data(), first_launch_.bytes().data(), first_launch_.bytes().size());
    ASSERT_FALSE(index_request(*storage_, first_launch_.bytes().size(), first_));
    agent_ = fork();
    if (agent_ == 0) {
      begin_as_pid_1();
      serve_commands(listener_, first_);
    }
  }

  FakeHost& exec(const Launch& launch) {
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address_), address_bytes_), 0);
    EXPECT_EQ(fcntl(connection, F_SETFL, O_NONBLOCK), 0);
    close(last_connection_);
    last_connection_ = dup(connection);
    hosts_.push_back(std::make_unique<FakeHost>(FakeHost::Connection{connection}, launch.bytes()));
    return *hosts_.back();
  }
  FakeHost& exec_shell(std::string_view script) { return exec(Launch().add_shell(script)); }

  /// Of all connections.
  void hang_up() {
    hosts_.clear();
    close(last_connection_);
    last_connection_ = -1;
  }

  static void expect_exit(FakeHost& host, ExitKind kind, std::uint32_t value) {
    ASSERT_TRUE(host.serve_to_exit());
    EXPECT_EQ(host.exit()->kind, kind);
    EXPECT_EQ(host.exit()->value, value) << host.message();
  }

  /// The process whose number the command has written.
  static pid_t written_process(FakeHost& host) {
    EXPECT_TRUE(host.serve_until([&] { return host.output(Stream::kStdout).ends_with("\n"); }));
    return std::stoi(host.output(Stream::kStdout));
  }
  /// Not so of one that has ended and that nobody has waited for.
  static bool runs(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string number;
    std::string program;
    char state = 'Z';
    file >> number >> program >> state;
    return state != 'Z' && state != 'X';
  }

  Launch first_launch_;
  std::unique_ptr<RequestStorage> storage_ = std::make_unique<RequestStorage>();
  Request first_;
  int listener_ = -1;
  sockaddr_un address_{};
  socklen_t address_bytes_ = sizeof(address_);
  pid_t agent_ = -1;
  int last_connection_ = -1;
  std::vector<std::unique_ptr<FakeHost>> hosts_;
};

TEST_F(AgentTest, CommandHasItsStdioAndStatus) {
  start_agent();
  FakeHost& host = exec_shell("read line; echo \"out $line\"; echo err >&2; exit 7");
  host.send(FrameType::kData, Stream::kStdin, "in\n");
  expect_exit(host, ExitKind::kExited, 7);
  EXPECT_EQ(host.output(Stream::kStdout), "out in\n");
  EXPECT_EQ(host.output(Stream::kStderr), "err\n");
}

TEST_F(AgentTest, ConnectionEndsWithTheCommand) {
  start_agent();
  FakeHost& host = exec_shell("exit 0");
  expect_exit(host, ExitKind::kExited, 0);
  EXPECT_TRUE(comes_true([&] {
    char byte = 0;
    return recv(last_connection_, &byte, 1, MSG_PEEK) == 0;
  }));
}

TEST_F(AgentTest, WhatTheCommandLeavesOpenIsAsForTheWorkload) {
  start_agent();
  FakeHost& host = exec_shell("echo $COLOUR $PATH; pwd");
  expect_exit(host, ExitKind::kExited, 0);
  EXPECT_EQ(host.output(Stream::kStdout), "blue /usr/bin:/bin\n/usr\n");
}

TEST_F(AgentTest, WhatTheCommandSaysItselfCounts) {
  first_launch_.add(LaunchField::kUser, "1234:56");
  start_agent();
  FakeHost& other = exec(Launch()
                             .add(LaunchField::kEnvironment, "COLOUR=red")
                             .add(LaunchField::kWorkdir, "/tmp")
                             .add(LaunchField::kUser, "0:0")
                             .add_shell("echo $COLOUR; pwd; id -u; exit 0"));
  expect_exit(other, ExitKind::kExited, 0);
  EXPECT_EQ(other.output(Stream::kStdout), "red\n/tmp\n0\n");
  FakeHost& same = exec_shell("id -u");
  expect_exit(same, ExitKind::kExited, 0);
  EXPECT_EQ(same.output(Stream::kStdout), "1234\n") << "nor is one command's the next one's";
}

TEST_F(AgentTest, CommandsRunBesideEachOther) {
  start_agent();
  FakeHost& slow = exec_shell("echo up; read line; exit 3");
  ASSERT_TRUE(slow.serve_until([&] { return slow.output(Stream::kStdout) == "up\n"; }));
  FakeHost& quick = exec_shell("exit 4");
  expect_exit(quick, ExitKind::kExited, 4);
  slow.send(FrameType::kData, Stream::kStdin, "go\n");
  expect_exit(slow, ExitKind::kExited, 3);
}

TEST_F(AgentTest, WhatTheCommandLeavesBehindRunsOnAndHoldsNothingUp) {
  start_agent();
  FakeHost& host = exec_shell("sleep 1000 & echo $!");
  const pid_t left = written_process(host);
  expect_exit(host, ExitKind::kExited, 0);
  hosts_.clear();
  EXPECT_TRUE(runs(left));
  kill(left, SIGKILL);
}

TEST_F(AgentTest, AllThatTheCommandHasWrittenComesWhoeverElseHasItsOutputOpen) {
  constexpr std::uint32_t kBytes = 300'000;
  start_agent();
  // When the shell ends, what is beyond the credit is in the pipe.
  FakeHost& host =
      exec_shell("head -c " + std::to_string(kBytes) + " /dev/zero; sleep 1000 & echo $$ $! >&2");
  std::uint32_t got = 0;
  std::string numbers;
  host.on_data = [&](Stream stream, std::string_view data) -> std::uint32_t {
    if (stream == Stream::kStderr) {
      numbers += data;
    } else {
      got += static_cast<std::uint32_t>(data.size());
    }
    return 0;
  };
  ASSERT_TRUE(host.serve_until([&] { return got == protocol::kInitialCredit && numbers.ends_with("\n"); }));
  std::istringstream words(numbers);
  pid_t shell = -1;
  pid_t left = -1;
  words >> shell >> left;
  ASSERT_TRUE(comes_true([&] { return !runs(shell); }));
  const std::uint32_t credit = kBytes;
  host.send(FrameType::kCredit, Stream::kStdout, {reinterpret_cast<const char*>(&credit), sizeof(credit)});
  expect_exit(host, ExitKind::kExited, 0);
  EXPECT_EQ(got, kBytes);
  kill(left, SIGKILL);
}

TEST_F(AgentTest, CommandWhoseHostIsGoneIsKilled) {
  start_agent();
  FakeHost& host = exec_shell("sleep 1000 & echo $$; wait");
  const pid_t shell = written_process(host);
  EXPECT_TRUE(runs(shell));
  hang_up();
  EXPECT_TRUE(comes_true([&] { return !runs(shell); }));
}

TEST_F(AgentTest, HostThatIsGoneBeforeItsRequestLeavesNoProcess) {
  start_agent();
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address_), address_bytes_), 0);
  const std::string children =
      "/proc/" + std::to_string(agent_) + "/task/" + std::to_string(agent_) + "/children";
  const auto has_children = [&] {
    std::string text(64, '\0');
    const int file = open(children.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(file, text.data(), text.size());
    close(file);
    return got > 0;
  };
  EXPECT_TRUE(comes_true(has_children));
  close(connection);
  EXPECT_TRUE(comes_true([&] { return !has_children(); }));
}

TEST_F(AgentTest, CommandThatCannotRunIsNamed) {
  start_agent();
  FakeHost& host = exec(Launch().add(LaunchField::kArgument, "no-such-command"));
  expect_exit(host, ExitKind::kExecFailed, ENOENT);
  EXPECT_EQ(host.message(), "no-such-command");
}

TEST_F(AgentTest, RequestThatIsNoneIsToldAndTheAgentGoesOn) {
  start_agent();
  FakeHost& wrong = exec(Launch().add(LaunchField::kEnvironment, "A=1"));
  expect_exit(wrong, ExitKind::kSetupFailed, EINVAL);
  EXPECT_EQ(wrong.message(), "launch request names no command");
  FakeHost& right = exec_shell("exit 9");
  expect_exit(right, ExitKind::kExited, 9);
}

TEST_F(AgentTest, CommandHasTheWorkloadsRightsAndSignals) {
  start_agent();
  FakeHost& host = exec_shell("grep -E '^(SigBlk|SigIgn|CapEff|NoNewPrivs):' /proc/self/status");
  expect_exit(host, ExitKind::kExited, 0);
  EXPECT_EQ(host.output(Stream::kStdout),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
            "CapEff:\t00000000880425fb\nNoNewPrivs:\t1\n");
}

TEST_F(AgentTest, NoDescriptorLeaksIntoTheCommand) {
  start_agent();
  FakeHost& host = exec_shell(kShowDescriptors);
  expect_exit(host, ExitKind::kExited, 0);
  EXPECT_EQ(host.output(Stream::kStdout), kNoneButStdio);
}

TEST_F(AgentTest, CommandOnATerminalIsServedUntilNobodyHasItOpen) {
  start_agent();
  FakeHost& host = exec(Launch().add_terminal().add_shell("seq 100000; tty >/dev/null && exit 5"));
  expect_exit(host, ExitKind::kExited, 5);
  EXPECT_TRUE(host.output(Stream::kStdout).ends_with("\n100000\r\n"));
}

/// In this process a kernel has no sockets of AF_VSOCK from now on.
void lose_vsock() {
  const std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), const_cast<sock_filter*>(program.data())};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

TEST(Agent, KernelWithoutSuchSocketsRunsTheWorkloadAllTheSame) {
  const pid_t guest = fork();
  if (guest == 0) {
    lose_vsock();
    _exit(start_agent(protocol::kAgentListensAt, Request()) ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(guest, &status, 0), guest);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mayfly::init
