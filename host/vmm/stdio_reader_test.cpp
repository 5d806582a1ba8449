// SPDX-License-Identifier: Apache-2.0
#include "vmm/stdio_reader.hpp"

#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::size_t kCredit = 1000;

class Reader : public ::testing::Test {
 protected:
  void arrived() {
    const std::lock_guard lock(mutex_);
    ++arrivals_;
    changed_.notify_all();
  }

  // Blocks until the reader holds `count` bytes.
  void wait_available(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reader_.available() >= count; });
  }
  void wait_available_or_ended(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reader_.available() >= count || reader_.ended(); });
  }
  void wait_ended() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reader_.ended(); });
  }
  std::string take(std::size_t count) {
    std::string text(count, '\0');
    text.resize(reader_.take(std::as_writable_bytes(std::span(text))));
    return text;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int arrivals_ = 0;
  testing::Pipe pipe_;
  StdioReader reader_{pipe_.reader.get(), kCredit, [this] { arrived(); }};
};

TEST_F(Reader, NothingIsReadBeforeTheStart) {
  pipe_.write("early");
  EXPECT_EQ(reader_.available(), 0U);
  ASSERT_TRUE(reader_.start());
  wait_available(5);
  EXPECT_EQ(take(100), "early");
}

// So its end is said with the launch, and nobody waits for it.
TEST(ReaderOfNothing, HasEndedBeforeItBegins) {
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  StdioReader reader(null.get(), kCredit, [] { FAIL(); });
  EXPECT_TRUE(reader.ended());
  ASSERT_TRUE(reader.start());
  EXPECT_TRUE(reader.ended());
  EXPECT_EQ(reader.available(), 0U);
  reader.abandon();
  EXPECT_FALSE(reader.ended());
  const Fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(StdioReader(zero.get(), kCredit, [] {}).ended()) << "another device of that kind";
}

TEST_F(Reader, NeverReadsBeyondItsCredit) {
  ASSERT_TRUE(reader_.start());
  pipe_.write(std::string(kCredit + 1, 'x'));
  wait_available(kCredit);
  EXPECT_EQ(take(kCredit / 2).size(), kCredit / 2);
  // What is taken is not yet consumed.
  EXPECT_EQ(reader_.available(), kCredit / 2);
  pipe_.writer = Fd();
  EXPECT_EQ(pipe_.read(1), "x") << "the byte beyond credit is still the pipe's";
}

TEST_F(Reader, GrantLetsItGoOn) {
  ASSERT_TRUE(reader_.start());
  pipe_.write(std::string(kCredit, 'a') + std::string(kCredit, 'b'));
  wait_available(kCredit);
  EXPECT_EQ(take(kCredit), std::string(kCredit, 'a'));
  EXPECT_TRUE(reader_.grant(kCredit));
  wait_available(kCredit);
  EXPECT_EQ(take(kCredit), std::string(kCredit, 'b'));
}

TEST_F(Reader, GrantOfWhatWasNotTakenIsRefused) {
  ASSERT_TRUE(reader_.start());
  EXPECT_FALSE(reader_.grant(1));
  pipe_.write("abc");
  wait_available(3);
  EXPECT_FALSE(reader_.grant(3));
  EXPECT_EQ(take(2), "ab");
  EXPECT_FALSE(reader_.grant(3));
  EXPECT_TRUE(reader_.grant(2));
  EXPECT_FALSE(reader_.grant(1));
}

TEST_F(Reader, EndComesAfterTheLastByte) {
  ASSERT_TRUE(reader_.start());
  pipe_.write("last");
  pipe_.writer = Fd();
  wait_available(4);
  EXPECT_FALSE(reader_.ended());
  EXPECT_EQ(take(4), "last");
  wait_ended();
}

TEST_F(Reader, ClosedDescriptorReadsAsTheEnd) {
  StdioReader closed(-1, kCredit, [this] { arrived(); });
  ASSERT_TRUE(closed.start());
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed.ended(); });
}

TEST_F(Reader, StopEndsABlockedRead) {
  ASSERT_TRUE(reader_.start());
  reader_.stop();
  EXPECT_FALSE(reader_.ended());
}

TEST_F(Reader, NonBlockingDescriptorIsWaitedFor) {
  ASSERT_EQ(::fcntl(pipe_.reader.get(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_TRUE(reader_.start());
  // Many rounds, so that the reader finds the pipe empty in some.
  for (std::size_t round = 0; round < kCredit; ++round) {
    pipe_.write("x");
    wait_available_or_ended(1);
    ASSERT_EQ(take(1), "x") << round;
  }
}

TEST_F(Reader, AbandonedReaderHasNothing) {
  ASSERT_TRUE(reader_.start());
  pipe_.write("gone");
  wait_available(4);
  reader_.abandon();
  EXPECT_EQ(reader_.available(), 0U);
  EXPECT_FALSE(reader_.ended());
}

}  // namespace
}  // namespace mayfly::vmm
