// SPDX-License-Identifier: Apache-2.0
/// Init's session as an ordinary process, a socket in the place of the port.
#include "guest-init/session.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-init/fake_host.hpp"
#include "guest-init/protocol/launch.hpp"

namespace mayfly::init {
namespace {

using protocol::ExitKind;
using protocol::FrameType;
using protocol::LaunchField;
using protocol::Stream;

constexpr std::uint64_t kLong = 100'000'000;

char pattern(std::uint64_t at) { return static_cast<char>((at * 2654435761U) >> 13U); }

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "init changes user, groups and capabilities: needs root";
    }
    writer_.add(LaunchField::kEnvironment, "PATH=/usr/bin:/bin");
  }

  void start(const std::vector<std::string>& command) {
    for (const std::string& argument : command) {
      writer_.add(LaunchField::kArgument, argument);
    }
    host_ = std::make_unique<FakeHost>(request_, marks_);
  }
  void start_shell(const std::string& script) { start({"sh", "-c", script}); }

  void send_text(std::string_view text) { host_->send(FrameType::kData, Stream::kStdin, text); }
  void close_input() { host_->send(FrameType::kClose, Stream::kStdin); }
  [[nodiscard]] bool serve_until_output(std::string_view text) {
    return host_->serve_until([&] {
      return host_->output(Stream::kStdout).find(text) != std::string::npos;
    }) && !host_->exit();
  }
  void send_number(FrameType type, std::uint32_t number, Stream stream = Stream{0}) {
    host_->send(type, stream, {reinterpret_cast<const char*>(&number), sizeof(number)});
  }

  void expect_exit(ExitKind kind, std::uint32_t value) {
    ASSERT_TRUE(host_->serve_to_exit());
    EXPECT_EQ(host_->exit()->kind, kind);
    EXPECT_EQ(host_->exit()->value, value) << host_->message();
  }
  [[nodiscard]] long closes_of(Stream stream) const {
    return std::count(host_->closes().begin(), host_->closes().end(), stream);
  }

  std::vector<std::byte> request_;
  protocol::LaunchWriter<std::vector<std::byte>> writer_{request_};
  int marks_ = -1;
  std::unique_ptr<FakeHost> host_;
};

TEST_F(SessionTest, OutputsComeApartAndThenTheStatus) {
  start_shell("echo out; echo err >&2; exit 7");
  expect_exit(ExitKind::kExited, 7);
  EXPECT_EQ(host_->output(Stream::kStdout), "out\n");
  EXPECT_EQ(host_->output(Stream::kStderr), "err\n");
  EXPECT_EQ(closes_of(Stream::kStdout), 1);
  EXPECT_EQ(closes_of(Stream::kStderr), 1);
}

TEST_F(SessionTest, SignalThatKillsIsReported) {
  start_shell("kill -USR1 $$");
  expect_exit(ExitKind::kSignaled, SIGUSR1);
}

TEST_F(SessionTest, InputReachesTheWorkloadToItsEnd) {
  start({"cat"});
  send_text("one\n");
  send_text("two");
  close_input();
  expect_exit(ExitKind::kExited, 0);
  EXPECT_EQ(host_->output(Stream::kStdout), "one\ntwo");
}

TEST_F(SessionTest, ThreeLongStreamsPassWholeWhileOneReaderStalls) {
  start_shell("head -c " + std::to_string(kLong) + " /dev/zero >&2 & cat; wait");
  host_->send_input(kLong, pattern);
  std::uint64_t out = 0;
  std::uint64_t err = 0;
  std::uint32_t withheld = 0;
  bool wrong = false;
  // The reader of stdout takes nothing until all of stderr is through.
  host_->on_data = [&](Stream stream, std::string_view data) -> std::uint32_t {
    const auto size = static_cast<std::uint32_t>(data.size());
    if (stream == Stream::kStderr) {
      err += size;
      wrong = wrong || std::any_of(data.begin(), data.end(), [](char byte) { return byte != '\0'; });
      return size;
    }
    for (const char byte : data) {
      wrong = wrong || byte != pattern(out++);
    }
    withheld += size;
    return err == kLong ? std::exchange(withheld, 0) : 0;
  };
  ASSERT_TRUE(host_->serve_until([&] { return err == kLong; }));
  EXPECT_EQ(out, protocol::kInitialCredit) << "of the stalled stream, exactly its credit arrives";
  EXPECT_LE(host_->input_sent(), 2U << 20U) << "a stalled workload bounds what is sent to it";
  send_number(FrameType::kCredit, std::exchange(withheld, 0), Stream::kStdout);
  expect_exit(ExitKind::kExited, 0);
  EXPECT_FALSE(wrong);
  EXPECT_EQ(out, kLong);
}

TEST_F(SessionTest, WorkloadThatClosesItsInputIsToldToTheHost) {
  start_shell("exec <&-; echo closed; sleep 1000");
  ASSERT_TRUE(host_->serve_until([&] { return closes_of(Stream::kStdin) == 1; }));
  send_text("nobody reads this");
  send_number(FrameType::kSignal, SIGTERM);
  expect_exit(ExitKind::kSignaled, SIGTERM);
  EXPECT_EQ(closes_of(Stream::kStdin), 1);
}

TEST_F(SessionTest, ReaderGoneAtTheHostIsABrokenPipeForTheWorkload) {
  start({"yes"});
  ASSERT_TRUE(serve_until_output("y\ny\n"));
  host_->send(FrameType::kClose, Stream::kStdout);
  expect_exit(ExitKind::kSignaled, SIGPIPE);
  EXPECT_EQ(closes_of(Stream::kStdout), 1);
}

TEST_F(SessionTest, OutputEndIsToldBeforeTheExit) {
  start_shell("exec >&-; read line; exit 4");
  ASSERT_TRUE(host_->serve_until([&] { return closes_of(Stream::kStdout) == 1; }));
  send_text("go\n");
  expect_exit(ExitKind::kExited, 4);
}

TEST_F(SessionTest, SignalsReachTheWholeProcessGroup) {
  start_shell(
      "trap 'exit 3' TERM; (trap 'echo child; exit' TERM; echo up; while :; do sleep 0.01; done) & wait; "
      "wait");
  ASSERT_TRUE(serve_until_output("up\n"));
  send_number(FrameType::kSignal, SIGTERM);
  expect_exit(ExitKind::kExited, 3);
}

TEST_F(SessionTest, WhatTheWorkloadLeavesBehindIsKilled) {
  start_shell("sleep 1000 & yes & exit 5");
  expect_exit(ExitKind::kExited, 5);
}

TEST_F(SessionTest, OutputThatWaitsForCreditOutlivesTheWorkload) {
  start_shell("head -c 300000 /dev/zero");
  std::uint32_t got = 0;
  host_->on_data = [&](Stream, std::string_view data) {
    got += static_cast<std::uint32_t>(data.size());
    return 0U;
  };
  ASSERT_TRUE(host_->serve_until([&] { return got == protocol::kInitialCredit; }));
  send_number(FrameType::kCredit, 1'000'000, Stream::kStdout);
  expect_exit(ExitKind::kExited, 0);
  EXPECT_EQ(got, 300'000U);
}

TEST_F(SessionTest, CommandThatCannotRunIsNamedWithItsErrno) {
  start({"no-such-command"});
  expect_exit(ExitKind::kExecFailed, ENOENT);
  EXPECT_EQ(host_->message(), "no-such-command");
}

TEST_F(SessionTest, FileThatIsNoProgramIsNamedWithItsErrno) {
  start({"/etc/passwd"});
  expect_exit(ExitKind::kExecFailed, EACCES);
}

TEST_F(SessionTest, MissingWorkdirIsNamed) {
  writer_.add(LaunchField::kWorkdir, "/no/such/place");
  start({"true"});
  expect_exit(ExitKind::kSetupFailed, ENOENT);
  EXPECT_EQ(host_->message(), "entering working directory /no/such/place");
}

TEST_F(SessionTest, WorkloadHasFewCapabilitiesAndNoNewPrivileges) {
  start({"grep", "-E", "^(CapEff|CapBnd|NoNewPrivs|SigBlk|SigIgn):", "/proc/self/status"});
  expect_exit(ExitKind::kExited, 0);
  // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD
  // SETFCAP
  EXPECT_EQ(host_->output(Stream::kStdout),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nCapEff:\t00000000880425fb\n"
            "CapBnd:\t00000000880425fb\nNoNewPrivs:\t1\n");
}

TEST_F(SessionTest, OtherUserHasNoCapabilitiesAndOwnsItsStdio) {
  writer_.add(LaunchField::kUser, "1234:56");
  start_shell("grep -E '^(Uid|Gid|Groups|CapPrm|CapEff):' /proc/self/status; echo mine > /dev/stdout");
  expect_exit(ExitKind::kExited, 0);
  EXPECT_EQ(host_->output(Stream::kStdout),
            "Uid:\t1234\t1234\t1234\t1234\nGid:\t56\t56\t56\t56\nGroups:\t \n"
            "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nmine\n");
}

TEST_F(SessionTest, NoDescriptorLeaksIntoTheWorkload) {
  marks_ = memfd_create("marks", MFD_CLOEXEC);
  start_shell(std::string(kShowDescriptors));
  expect_exit(ExitKind::kExited, 0);
  EXPECT_EQ(host_->output(Stream::kStdout), kNoneButStdio);
  close(marks_);
}

TEST_F(SessionTest, LastMarkIsTheExit) {
  marks_ = memfd_create("marks", MFD_CLOEXEC);
  start_shell("head -c 129 <&0 >/dev/null; exit 0");
  close_input();
  expect_exit(ExitKind::kExited, 0);
  unsigned char mark = 0;
  EXPECT_EQ(pread(marks_, &mark, 1, 0x80), 1);
  EXPECT_EQ(mark, 0x62);
  close(marks_);
}

TEST_F(SessionTest, ReadyMarkStandsBeforeTheWorkloadRuns) {
  marks_ = memfd_create("marks", MFD_CLOEXEC);
  start_shell("echo up; read line");
  ASSERT_TRUE(serve_until_output("up\n"));
  unsigned char mark = 0;
  EXPECT_EQ(pread(marks_, &mark, 1, 0x80), 1);
  EXPECT_EQ(mark, 0x61);
  close_input();
  ASSERT_TRUE(host_->serve_to_exit());
  close(marks_);
}

TEST_F(SessionTest, HostThatBreaksTheProtocolIsToldWhy) {
  start({"sleep", "1000"});
  send_text(std::string(protocol::kDataBytesMax, 'x'));
  send_number(FrameType::kSignal, 0);
  expect_exit(ExitKind::kSetupFailed, EPROTO);
  EXPECT_EQ(host_->message(), "channel protocol: frame names no signal");
}

TEST_F(SessionTest, DataBeyondCreditIsAFault) {
  start({"sleep", "1000"});
  for (std::size_t sent = 0; sent <= std::size_t{2} * protocol::kInitialCredit;
       sent += protocol::kDataBytesMax) {
    send_text(std::string(protocol::kDataBytesMax, 'x'));
  }
  expect_exit(ExitKind::kSetupFailed, EPROTO);
}

TEST_F(SessionTest, TerminalHasItsSizeAndEndsItsInput) {
  writer_.add_terminal({.rows = 33, .columns = 77});
  start_shell("stty -echo; stty size; cat; exit 6");
  ASSERT_TRUE(serve_until_output("33 77\r\n"));
  send_text("half a line");
  close_input();
  expect_exit(ExitKind::kExited, 6);
  EXPECT_EQ(host_->output(Stream::kStdout), "33 77\r\nhalf a line");
  EXPECT_EQ(closes_of(Stream::kStderr), 1);
}

TEST_F(SessionTest, TerminalFollowsTheWindow) {
  writer_.add_terminal({.rows = 33, .columns = 77});
  start_shell("trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(serve_until_output("up"));
  host_->send(FrameType::kWindowSize, Stream{0}, {"\x05\0\x06\0", 4});
  expect_exit(ExitKind::kExited, 0);
  EXPECT_NE(host_->output(Stream::kStdout).find("5 6"), std::string::npos);
}

TEST_F(SessionTest, InterruptCharacterOfTheTerminalIsASignal) {
  writer_.add_terminal({.rows = 24, .columns = 80});
  start_shell("echo up; exec sleep 1000");
  ASSERT_TRUE(serve_until_output("up"));
  send_text("\x03");
  expect_exit(ExitKind::kSignaled, SIGINT);
}

TEST_F(SessionTest, TerminalWhoseReaderIsGoneHangsUp) {
  writer_.add_terminal({.rows = 24, .columns = 80});
  start_shell("echo up; exec sleep 1000");
  ASSERT_TRUE(serve_until_output("up"));
  host_->send(FrameType::kClose, Stream::kStdout);
  expect_exit(ExitKind::kSignaled, SIGHUP);
}

}  // namespace
}  // namespace mayfly::init
