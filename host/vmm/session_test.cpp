// SPDX-License-Identifier: Apache-2.0
#include "vmm/session.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "vmm/session_fake_guest.hpp"
#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

using protocol::ExitKind;
using protocol::FrameType;
using protocol::kDataBytesMax;
using protocol::kInitialCredit;
using protocol::Stream;
using testing::credit_frame;
using testing::exit_frame;
using testing::frame;
using testing::HostFrame;

using Bytes = std::vector<std::byte>;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    static_cast<void>(::signal(SIGPIPE, SIG_IGN));
    guest_.connect(session_);
  }

  // Frames of stdout that together hold `text`.
  static Bytes output(std::string_view text, Stream stream = Stream::kStdout) {
    Bytes all;
    for (; !text.empty(); text.remove_prefix(std::min(kDataBytesMax, text.size()))) {
      const Bytes one = frame(FrameType::kData, stream, text.substr(0, kDataBytesMax));
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  void wait_for(FrameType type, Stream stream) {
    guest_.wait([&](const std::vector<HostFrame>& frames) {
      return std::ranges::any_of(
          frames, [&](const HostFrame& one) { return one.type == type && one.stream == stream; });
    });
  }
  // All data of stdin that the guest has got, once it is as much as `count`.
  std::string wait_input(std::size_t count) {
    std::string text;
    guest_.wait([&](const std::vector<HostFrame>& frames) {
      text.clear();
      for (const HostFrame& one : frames) {
        if (one.type == FrameType::kData) {
          std::ranges::transform(one.payload, std::back_inserter(text),
                                 [](std::byte b) { return static_cast<char>(b); });
        }
      }
      return text.size() >= count;
    });
    return text;
  }
  void wait_drained() {
    pollfd event{session_.event_fd(), POLLIN, 0};
    while (!session_.drained()) {
      ::poll(&event, 1, -1);
      session_.acknowledge();
    }
  }
  std::string violation() {
    const std::optional<Outcome> outcome = session_.outcome();
    return outcome.has_value() && outcome->kind == OutcomeKind::kProtocolViolation ? outcome->sentence : "";
  }

  Bytes launch_{Bytes(10000, std::byte{'L'})};
  testing::FakeGuest guest_;
  testing::Pipe in_;
  testing::Pipe out_;
  testing::Pipe err_;
  Session session_{
      launch_, {in_.reader.get(), out_.writer.get(), err_.writer.get()}, [this] { guest_.wake(); }};
};

TEST_F(SessionTest, LaunchRequestGoesFirst) {
  session_.send_signal(SIGTERM);
  const std::vector<HostFrame> frames = guest_.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].type, FrameType::kLaunch);
  EXPECT_EQ(frames[0].payload, launch_);
  EXPECT_EQ(frames[1].type, FrameType::kSignal);
  EXPECT_EQ(frames[1].word(), static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(SessionTest, StdinReachesTheGuest) {
  guest_.wake();
  in_.write("hello ");
  EXPECT_EQ(wait_input(6), "hello ");
  in_.write("world");
  EXPECT_EQ(wait_input(11), "hello world");
  in_.writer = Fd();
  wait_for(FrameType::kClose, Stream::kStdin);
}

TEST_F(SessionTest, StdinStopsAtTheGuestsCredit) {
  guest_.wake();
  std::jthread writer([&] { in_.write(std::string(kInitialCredit + 1, 'i')); });
  EXPECT_EQ(wait_input(kInitialCredit).size(), kInitialCredit);
  guest_.send(credit_frame(Stream::kStdin, 1));
  EXPECT_EQ(wait_input(kInitialCredit + 1).size(), kInitialCredit + 1);
}

TEST_F(SessionTest, StdinThatTheWorkloadClosedIsNotSentOn) {
  guest_.wake();
  guest_.send(frame(FrameType::kClose, Stream::kStdin));
  in_.write("nobody reads this");
  session_.send_signal(SIGHUP);
  const std::vector<HostFrame> frames = guest_.frames();
  EXPECT_EQ(frames.back().type, FrameType::kSignal);
  EXPECT_FALSE(session_.outcome().has_value());
}

TEST_F(SessionTest, StdoutAndStderrStayApart) {
  guest_.send(output("to out"));
  guest_.send(output("to err", Stream::kStderr));
  EXPECT_EQ(out_.read(6), "to out");
  EXPECT_EQ(err_.read(6), "to err");
}

TEST_F(SessionTest, BytesOfAllValuesPassUnchanged) {
  std::string all(kDataBytesMax, '\0');
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<char>(i * 7);
  }
  guest_.send(output(all));
  EXPECT_EQ(out_.read(all.size()), all);
}

TEST_F(SessionTest, CreditComesBackAsOutputIsRead) {
  guest_.wake();
  guest_.send(output(std::string(kInitialCredit, 'c')));
  EXPECT_EQ(out_.read(kInitialCredit).size(), kInitialCredit);
  std::uint32_t credit = 0;
  guest_.wait([&](const std::vector<HostFrame>& frames) {
    credit = 0;
    for (const HostFrame& one : frames) {
      credit += one.type == FrameType::kCredit && one.stream == Stream::kStdout ? one.word() : 0;
    }
    return credit > kInitialCredit - SessionOutbox::kCreditLot;
  });
  EXPECT_LE(credit, kInitialCredit);
}

TEST_F(SessionTest, StalledStderrDoesNotHoldUpStdout) {
  guest_.send(output(std::string(kInitialCredit, 'e'), Stream::kStderr));
  guest_.send(output("flows"));
  EXPECT_EQ(out_.read(5), "flows");
}

TEST_F(SessionTest, WorkloadLearnsThatItsReaderIsGone) {
  guest_.wake();
  out_.reader = Fd();
  guest_.send(output("into the void"));
  wait_for(FrameType::kClose, Stream::kStdout);
  guest_.send(output("and more"));  // on its way already: no violation
  guest_.send(output("err lives", Stream::kStderr));
  EXPECT_EQ(err_.read(9), "err lives");
  EXPECT_FALSE(session_.outcome().has_value());
  EXPECT_EQ(session_.write_error(), 0);
}

TEST_F(SessionTest, ExitStatusIsReported) {
  EXPECT_FALSE(session_.outcome().has_value());
  guest_.send(exit_frame(ExitKind::kExited, 7));
  const std::optional<Outcome> outcome = session_.outcome();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->kind, OutcomeKind::kExited);
  EXPECT_EQ(outcome->value, 7U);
  EXPECT_EQ(outcome->sentence, "");
}

TEST_F(SessionTest, SignalIsReported) {
  guest_.send(exit_frame(ExitKind::kSignaled, SIGSEGV));
  EXPECT_EQ(session_.outcome()->kind, OutcomeKind::kSignaled);
  EXPECT_EQ(session_.outcome()->value, static_cast<std::uint32_t>(SIGSEGV));
}

TEST_F(SessionTest, FailedExecNamesTheCommand) {
  guest_.send(exit_frame(ExitKind::kExecFailed, ENOENT, "nosuch"));
  EXPECT_EQ(session_.outcome()->kind, OutcomeKind::kExecFailed);
  EXPECT_EQ(session_.outcome()->sentence, "cannot run the command: nosuch: No such file or directory");
}

TEST_F(SessionTest, FailedSetupNamesTheStep) {
  guest_.send(exit_frame(ExitKind::kSetupFailed, 0, "unknown user \x1b[31mroot"));
  EXPECT_EQ(session_.outcome()->kind, OutcomeKind::kSetupFailed);
  EXPECT_EQ(session_.outcome()->sentence, "the guest could not prepare the workload: unknown user ?[31mroot");
}

TEST_F(SessionTest, OutputBeforeTheExitIsWrittenToTheEnd) {
  guest_.send(output(std::string(kInitialCredit, 'o')));
  guest_.send(exit_frame(ExitKind::kExited, 0));
  EXPECT_FALSE(session_.drained()) << "a pipe holds less";
  EXPECT_EQ(out_.read(kInitialCredit).size(), kInitialCredit);
  wait_drained();
}

TEST_F(SessionTest, EndOfOutputDropsWhatComesLater) {
  guest_.send(output("before"));
  session_.end_output();
  guest_.send(output("after"));
  guest_.send(exit_frame(ExitKind::kExited, 0));
  wait_drained();
  out_.writer = Fd();
  EXPECT_EQ(out_.read(100), "before");
  EXPECT_FALSE(session_.outcome().has_value());
}

TEST_F(SessionTest, StopDoesNotWaitForReaders) {
  guest_.wake();
  guest_.send(output(std::string(kInitialCredit, 'o')));
  guest_.send(output(std::string(kInitialCredit, 'e'), Stream::kStderr));
  session_.stop();
  EXPECT_TRUE(session_.drained());
}

TEST_F(SessionTest, FailedWriteIsRemembered) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  testing::FakeGuest guest;
  Session session(launch_, {in_.reader.get(), full.get(), err_.writer.get()}, [&] { guest.wake(); });
  guest.connect(session);
  guest.send(output("x"));
  guest.wait([](const std::vector<HostFrame>& frames) { return frames.back().type == FrameType::kClose; });
  EXPECT_EQ(session.write_error(), ENOSPC);
}

TEST_F(SessionTest, WindowSizeIsSent) {
  session_.send_window_size({50, 132});
  EXPECT_EQ(guest_.frames().back().type, FrameType::kWindowSize);
  EXPECT_EQ(guest_.frames().back().word(), 50U | 132U << 16U);
}

TEST_F(SessionTest, MalformedFrameEndsTheRun) {
  guest_.send(frame(FrameType::kLaunch));
  EXPECT_EQ(violation(), "protocol violation: the guest sent a frame of unknown type on its channel");
}

TEST_F(SessionTest, DataBeyondCreditEndsTheRun) {
  guest_.send(output(std::string(kInitialCredit, 'x') + "y"));
  EXPECT_EQ(violation(),
            "protocol violation: the guest sent more data than it had credit for on its channel");
}

TEST_F(SessionTest, CreditThatWasNeverUsedEndsTheRun) {
  guest_.wake();
  guest_.send(credit_frame(Stream::kStdin, 1));
  EXPECT_EQ(violation(),
            "protocol violation: the guest returned more credit than it got data on its channel");
}

TEST_F(SessionTest, DataAfterCloseEndsTheRun) {
  guest_.send(frame(FrameType::kClose, Stream::kStdout));
  guest_.send(output("err is open", Stream::kStderr));
  EXPECT_EQ(violation(), "");
  guest_.send(output("x"));
  EXPECT_EQ(violation(),
            "protocol violation: the guest sent a frame for a stream that it had closed on its channel");
}

TEST_F(SessionTest, SecondCloseEndsTheRun) {
  guest_.send(frame(FrameType::kClose, Stream::kStdin));
  guest_.send(frame(FrameType::kClose, Stream::kStdin));
  EXPECT_EQ(violation(),
            "protocol violation: the guest sent a frame for a stream that it had closed on its channel");
}

TEST_F(SessionTest, AnythingAfterTheExitEndsTheRun) {
  guest_.send(exit_frame(ExitKind::kExited, 0));
  EXPECT_EQ(violation(), "");
  guest_.send(Bytes(1));
  EXPECT_EQ(violation(), "protocol violation: the guest sent a frame after its exit report on its channel");
}

TEST_F(SessionTest, ExitReportThatMakesNoSenseEndsTheRun) {
  const std::pair<ExitKind, std::uint32_t> table[] = {
      {ExitKind::kExited, 256},      {ExitKind::kSignaled, 0},       {ExitKind::kSignaled, 65},
      {ExitKind::kExecFailed, 4096}, {ExitKind::kSetupFailed, 4096}, {ExitKind{4}, 0}};
  for (const auto& [kind, value] : table) {
    testing::FakeGuest guest;
    Session session(launch_, {in_.reader.get(), out_.writer.get(), err_.writer.get()}, [&] { guest.wake(); });
    guest.connect(session);
    guest.send(exit_frame(kind, value));
    EXPECT_EQ(session.outcome()->sentence,
              "protocol violation: the guest sent an exit report that makes no sense on its channel")
        << static_cast<int>(kind) << ' ' << value;
  }
}

TEST_F(SessionTest, NothingIsTakenAfterAViolation) {
  guest_.send(frame(FrameType::kSignal));
  guest_.send(exit_frame(ExitKind::kExited, 0));
  guest_.send(output("x"));
  EXPECT_EQ(session_.outcome()->kind, OutcomeKind::kProtocolViolation);
  wait_drained();
}

}  // namespace
}  // namespace mayfly::vmm
