// SPDX-License-Identifier: Apache-2.0
#include "vmm/stdio_writer.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::size_t kCapacity = 256U << 10U;
constexpr std::chrono::hours kForEver{1};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class Writer : public ::testing::Test {
 protected:
  void SetUp() override { static_cast<void>(::signal(SIGPIPE, SIG_IGN)); }

  // Until the thread has nothing left to do but to wait for the reader.
  void wait_until_pipe_is_full() const {
    const int capacity = ::fcntl(pipe_.writer.get(), F_GETPIPE_SZ);
    for (int held = 0; held < capacity;) {
      std::this_thread::yield();
      ASSERT_EQ(::ioctl(pipe_.reader.get(), FIONREAD, &held), 0);
    }
  }

  testing::Pipe pipe_;
  std::atomic<int> progressed_ = 0;
  StdioWriter writer_{pipe_.writer.get(), kCapacity, [this] { ++progressed_; }};
};

TEST_F(Writer, BytesArriveInOrder) {
  ASSERT_TRUE(writer_.start());
  EXPECT_EQ(writer_.put(bytes_of("one ")), 4U);
  EXPECT_EQ(writer_.put(bytes_of("two")), 3U);
  EXPECT_EQ(pipe_.read(7), "one two");
}

TEST_F(Writer, MoreThanTheRingHoldsIsRefused) {
  ASSERT_TRUE(writer_.start());
  const std::string much(kCapacity * 3, 'x');
  const std::size_t taken = writer_.put(bytes_of(much));
  EXPECT_GE(taken, kCapacity);
  EXPECT_LT(taken, much.size());
  EXPECT_EQ(pipe_.read(taken).size(), taken);
}

TEST_F(Writer, DrainedMeansAllIsWritten) {
  ASSERT_TRUE(writer_.start());
  const std::string text(kCapacity, 'y');
  writer_.put(bytes_of(text));
  writer_.finish();
  EXPECT_FALSE(writer_.drained()) << "a pipe holds less";
  EXPECT_EQ(pipe_.read(kCapacity), text);
  EXPECT_TRUE(writer_.wait_drained(kForEver));
  EXPECT_EQ(writer_.take_progress().left_ring, kCapacity);
  EXPECT_GT(progressed_.load(), 0);
}

TEST_F(Writer, NothingToWriteIsDrainedWithoutAThread) {
  EXPECT_FALSE(writer_.drained());
  writer_.finish();
  EXPECT_TRUE(writer_.drained());
}

TEST_F(Writer, ReaderThatWentAwayIsAnErrorAndTheRestIsDropped) {
  pipe_.reader = Fd();
  ASSERT_TRUE(writer_.start());
  writer_.put(bytes_of(std::string(1000, 'z')));
  writer_.finish();
  ASSERT_TRUE(writer_.wait_drained(kForEver));
  const StdioWriter::Progress progress = writer_.take_progress();
  EXPECT_EQ(progress.error, EPIPE);
  EXPECT_EQ(progress.left_ring, 1000U);
}

TEST_F(Writer, StopEndsABlockedWrite) {
  ASSERT_TRUE(writer_.start());
  writer_.put(bytes_of(std::string(kCapacity, 'x')));
  wait_until_pipe_is_full();
  writer_.stop();
  EXPECT_TRUE(writer_.drained());
}

TEST_F(Writer, StopEndsAWaitForANonBlockingDescriptor) {
  ASSERT_EQ(::fcntl(pipe_.writer.get(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_TRUE(writer_.start());
  writer_.put(bytes_of(std::string(kCapacity, 'x')));
  wait_until_pipe_is_full();
  writer_.stop();
  EXPECT_TRUE(writer_.drained());
}

TEST_F(Writer, NonBlockingDescriptorLosesNothing) {
  ASSERT_EQ(::fcntl(pipe_.writer.get(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_TRUE(writer_.start());
  const std::string text(kCapacity, 'n');
  writer_.put(bytes_of(text));
  EXPECT_EQ(pipe_.read(kCapacity), text);
}

}  // namespace
}  // namespace mayfly::vmm
