// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_outbox.hpp"

#include <gtest/gtest.h>

#include "vmm/session_fake_guest.hpp"
#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

using protocol::FrameType;
using protocol::Stream;
using testing::credit_frame;
using testing::frame;

using Bytes = std::vector<std::byte>;

class Outbox : public ::testing::Test {
 protected:
  // All that waits to be sent, taken in buffers of `step` bytes.
  Bytes drain(std::size_t step = 4096) {
    Bytes all;
    Bytes buffer(step);
    for (std::size_t count = 0; (count = outbox_.fill(buffer, input_)) != 0;) {
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return all;
  }

  testing::Pipe pipe_;
  StdioReader input_{pipe_.reader.get(), protocol::kInitialCredit, [] {}};
  Bytes launch_{Bytes(5000, std::byte{'L'})};
  SessionOutbox outbox_{launch_};
};

TEST_F(Outbox, LaunchGoesFirst) {
  outbox_.signal(15);
  EXPECT_FALSE(outbox_.launched());
  Bytes expected = frame(FrameType::kLaunch, {}, launch_);
  const std::uint32_t number = 15;
  const Bytes signal = frame(FrameType::kSignal, {}, std::as_bytes(std::span(&number, 1)));
  expected.insert(expected.end(), signal.begin(), signal.end());
  EXPECT_EQ(drain(), expected);
  EXPECT_TRUE(outbox_.launched());
}

TEST_F(Outbox, BuffersOfAnySizeGiveTheSameBytes) {
  for (const std::size_t step : {1U, 3U, 7U, 8U, 9U, 4999U}) {
    outbox_ = SessionOutbox(launch_);
    EXPECT_EQ(drain(step), frame(FrameType::kLaunch, {}, launch_)) << step;
  }
}

TEST_F(Outbox, CreditGoesInLots) {
  static_cast<void>(drain());
  outbox_.credit(Stream::kStdout, SessionOutbox::kCreditLot - 1);
  EXPECT_FALSE(outbox_.pending());
  EXPECT_EQ(drain(), Bytes{});
  outbox_.credit(Stream::kStdout, 2);
  EXPECT_TRUE(outbox_.pending());
  EXPECT_EQ(drain(), credit_frame(Stream::kStdout, SessionOutbox::kCreditLot + 1));
  EXPECT_EQ(drain(), Bytes{});
}

TEST_F(Outbox, CloseIsSaidOnce) {
  static_cast<void>(drain());
  outbox_.close(Stream::kStderr);
  outbox_.close(Stream::kStderr);
  EXPECT_EQ(drain(), frame(FrameType::kClose, Stream::kStderr));
  outbox_.close(Stream::kStderr);
  EXPECT_FALSE(outbox_.pending());
  EXPECT_EQ(drain(), Bytes{});
}

TEST_F(Outbox, WindowSizeIsTheLatest) {
  static_cast<void>(drain());
  outbox_.window_size({1, 2});
  outbox_.window_size({24, 80});
  EXPECT_EQ(drain(), frame(FrameType::kWindowSize, {}, std::string_view("\x18\0\x50\0", 4)));
}

TEST_F(Outbox, EachSignalIsSaidOnceLowestFirst) {
  static_cast<void>(drain());
  for (const int signal : {64, 15, 1, 15}) {
    outbox_.signal(signal);
  }
  Bytes expected;
  for (const std::uint32_t number : {1U, 15U, 64U}) {
    const Bytes one = frame(FrameType::kSignal, {}, std::as_bytes(std::span(&number, 1)));
    expected.insert(expected.end(), one.begin(), one.end());
  }
  EXPECT_EQ(drain(), expected);
}

}  // namespace
}  // namespace mayfly::vmm
