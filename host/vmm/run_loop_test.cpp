// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "vmm/session_fake_guest.hpp"
#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

using protocol::ExitKind;
using protocol::FrameType;
using protocol::Stream;
using testing::exit_frame;
using testing::frame;
using testing::HostFrame;

class RunLoop : public ::testing::Test {
 protected:
  RunLoop() { guest_.connect(session_); }

  Outcome run(std::uint64_t deadline_ns = 0) {
    return run_loop({session_, signals_, down_, nullptr, deadline_ns});
  }
  static void raise_in_process(int signal) { ASSERT_EQ(::kill(::getpid(), signal), 0); }
  void wait_for_signal() {
    guest_.wait([](const std::vector<HostFrame>& frames) {
      return !frames.empty() && frames.back().type == FrameType::kSignal;
    });
  }

  Signals signals_;  // before any thread
  testing::FakeGuest guest_;
  testing::Pipe in_;
  testing::Pipe out_;
  testing::Pipe err_;
  VmDown down_;
  Session session_{std::vector<std::byte>(100),
                   {in_.reader.get(), out_.writer.get(), err_.writer.get()},
                   [this] { guest_.wake(); }};
};

TEST_F(RunLoop, EndsWithTheWorkload) {
  guest_.send(exit_frame(ExitKind::kExited, 7));
  EXPECT_EQ(exit_status(run()), 7);
}

TEST_F(RunLoop, WaitsUntilTheOutputIsWritten) {
  const std::string chunk(protocol::kDataBytesMax, 'w');
  constexpr std::size_t kChunks = protocol::kInitialCredit / protocol::kDataBytesMax;
  for (std::size_t i = 0; i < kChunks; ++i) {
    guest_.send(frame(FrameType::kData, Stream::kStdout, chunk));
  }
  guest_.send(exit_frame(ExitKind::kExited, 0));
  std::size_t got = 0;
  std::jthread reader([&] { got = out_.read(chunk.size() * kChunks).size(); });
  EXPECT_EQ(exit_status(run()), 0);
  out_.writer = Fd();
  reader.join();
  EXPECT_EQ(got, chunk.size() * kChunks);
}

TEST_F(RunLoop, EachWayDownHasItsOutcome) {
  const std::pair<DownReason, OutcomeKind> table[] = {{DownReason::kPoweroff, OutcomeKind::kPoweroff},
                                                      {DownReason::kReboot, OutcomeKind::kReboot},
                                                      {DownReason::kPanic, OutcomeKind::kPanic},
                                                      {DownReason::kTripleFault, OutcomeKind::kTripleFault},
                                                      {DownReason::kInternal, OutcomeKind::kInternalError}};
  for (const auto& [reason, kind] : table) {
    VmDown down;
    Session session(std::vector<std::byte>(100), {in_.reader.get(), out_.writer.get(), err_.writer.get()},
                    [] {});
    down.report(reason);
    EXPECT_EQ(run_loop({session, signals_, down, nullptr, 0}).kind, kind);
  }
}

TEST_F(RunLoop, LostDeviceEndsTheRunAfterItsOutput) {
  guest_.send(frame(FrameType::kData, Stream::kStdout, "before"));
  testing::Pipe lost;
  ASSERT_EQ(::write(lost.writer.get(), "x", 1), 1);
  EXPECT_EQ(run_loop({session_, signals_, down_, nullptr, 0, lost.reader.get()}).kind,
            OutcomeKind::kDeviceLost);
  EXPECT_EQ(out_.read(6), "before");
}

TEST_F(RunLoop, OutputBeforeAPanicIsWritten) {
  guest_.send(frame(FrameType::kData, Stream::kStderr, "last words"));
  down_.report(DownReason::kPanic);
  EXPECT_EQ(run().kind, OutcomeKind::kPanic);
  EXPECT_EQ(err_.read(10), "last words");
}

TEST_F(RunLoop, ExitStatusGoesBeforeThePoweroffThatFollows) {
  guest_.send(exit_frame(ExitKind::kExited, 3));
  down_.report(DownReason::kPoweroff);
  EXPECT_EQ(exit_status(run()), 3);
}

TEST_F(RunLoop, ViolationEndsTheRun) {
  guest_.send(frame(FrameType::kLaunch));
  EXPECT_EQ(run().kind, OutcomeKind::kProtocolViolation);
}

TEST_F(RunLoop, FirstSignalIsTheWorkloads) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    testing::FakeGuest guest;
    Session session(std::vector<std::byte>(100), {in_.reader.get(), out_.writer.get(), err_.writer.get()},
                    [&] { guest.wake(); });
    guest.connect(session);
    guest.on_frame([&](const HostFrame& one) {
      // Not from inside the device: the workload's end comes from another thread.
      if (one.type == FrameType::kSignal) {
        EXPECT_EQ(one.word(), static_cast<std::uint32_t>(signal));
      }
    });
    std::jthread workload([&] {
      guest.wait([](const std::vector<HostFrame>& frames) {
        return !frames.empty() && frames.back().type == FrameType::kSignal;
      });
      guest.send(exit_frame(ExitKind::kSignaled, static_cast<std::uint32_t>(signal)));
    });
    raise_in_process(signal);
    EXPECT_EQ(exit_status(run_loop({session, signals_, down_, nullptr, 0})), 128 + signal);
  }
}

TEST_F(RunLoop, SecondSignalEndsTheRun) {
  std::jthread user([&] {
    wait_for_signal();
    raise_in_process(SIGTERM);
  });
  raise_in_process(SIGINT);
  const Outcome outcome = run();
  EXPECT_EQ(outcome.kind, OutcomeKind::kKilled);
  EXPECT_EQ(exit_status(outcome), 128 + SIGTERM);
}

TEST_F(RunLoop, StopIsAsAFirstSigtermAndOnlyOnce) {
  RunRequests requests;
  requests.stop();
  std::jthread user([&] {
    wait_for_signal();
    requests.stop();
    // Long enough for that to be heard, too.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    guest_.send(exit_frame(ExitKind::kExited, 5));
  });
  EXPECT_EQ(exit_status(run_loop({session_, signals_, down_, nullptr, 0, -1, &requests})), 5);
  const std::vector<HostFrame> frames = guest_.frames();
  EXPECT_EQ(std::ranges::count(frames, FrameType::kSignal, &HostFrame::type), 1);
}

TEST_F(RunLoop, SignalAfterAStopEndsTheRun) {
  RunRequests requests;
  requests.stop();
  std::jthread user([&] {
    wait_for_signal();
    raise_in_process(SIGTERM);
  });
  EXPECT_EQ(run_loop({session_, signals_, down_, nullptr, 0, -1, &requests}).kind, OutcomeKind::kKilled);
}

TEST_F(RunLoop, KillEndsTheRunUnasked) {
  RunRequests requests;
  requests.kill();
  const Outcome outcome = run_loop({session_, signals_, down_, nullptr, 0, -1, &requests});
  EXPECT_EQ(exit_status(outcome), 128 + SIGKILL);
  EXPECT_EQ(outcome.sentence, "ended by mayfly kill");
}

TEST_F(RunLoop, KillEndsAWaitForAStalledReader) {
  for (int i = 0; i < 3; ++i) {
    guest_.send(frame(FrameType::kData, Stream::kStdout, std::string(protocol::kDataBytesMax, 'x')));
  }
  guest_.send(exit_frame(ExitKind::kExited, 0));
  RunRequests requests;
  std::jthread user([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    requests.kill();
  });
  EXPECT_EQ(run_loop({session_, signals_, down_, nullptr, 0, -1, &requests}).kind, OutcomeKind::kKilled);
}

TEST_F(RunLoop, SignalEndsAWaitForAStalledReader) {
  guest_.send(frame(FrameType::kData, Stream::kStdout, std::string(protocol::kDataBytesMax, 'x')));
  guest_.send(frame(FrameType::kData, Stream::kStdout, std::string(protocol::kDataBytesMax, 'x')));
  guest_.send(frame(FrameType::kData, Stream::kStdout, std::string(protocol::kDataBytesMax, 'x')));
  guest_.send(exit_frame(ExitKind::kExited, 0));
  raise_in_process(SIGINT);
  raise_in_process(SIGTERM);
  EXPECT_EQ(run().kind, OutcomeKind::kKilled);
}

TEST_F(RunLoop, DeadlineEndsTheRunAndKeepsItsOutput) {
  guest_.send(frame(FrameType::kData, Stream::kStdout, "so far"));
  const Outcome outcome = run(monotonic_ns() + 1);
  EXPECT_EQ(exit_status(outcome), 124);
  EXPECT_EQ(out_.read(6), "so far");
}

TEST_F(RunLoop, WindowChangeIsNotASignalToTheWorkload) {
  raise_in_process(SIGWINCH);
  guest_.send(exit_frame(ExitKind::kExited, 0));
  EXPECT_EQ(exit_status(run()), 0);
}

TEST_F(RunLoop, SuccessWithLostOutputIsAFailure) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  testing::FakeGuest guest;
  Session session(std::vector<std::byte>(100), {in_.reader.get(), full.get(), err_.writer.get()},
                  [&] { guest.wake(); });
  guest.connect(session);
  guest.send(frame(FrameType::kData, Stream::kStdout, "lost"));
  guest.send(exit_frame(ExitKind::kExited, 0));
  const Outcome outcome = run_loop({session, signals_, down_, nullptr, 0});
  EXPECT_EQ(outcome.kind, OutcomeKind::kOutputLost);
  EXPECT_EQ(outcome.sentence, "cannot write the workload's output: No space left on device");
  EXPECT_EQ(exit_status(outcome), 125);
}

}  // namespace
}  // namespace mayfly::vmm
