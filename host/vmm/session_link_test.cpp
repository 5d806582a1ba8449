// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_link.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace mayfly::vmm {
namespace {

/// A session that says what it is given to say, and notes what it hears.
class FakeSession final : public io::PortBackend {
 public:
  void from_guest(std::span<const std::byte> bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    // Safe: bytes as characters.
    heard_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    changed_.notify_all();
  }
  std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    const std::size_t count = std::min(buffer.size(), to_say_.size());
    std::memcpy(buffer.data(), to_say_.data(), count);
    to_say_.erase(0, count);
    changed_.notify_all();
    return count;
  }

  void say(std::string_view text) {
    const std::lock_guard lock(mutex_);
    to_say_ += text;
  }
  void wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }
  void wait_heard(std::size_t count) {
    wait([&] { return heard_.size() >= count; });
  }
  void wait_said() {
    wait([&] { return to_say_.empty(); });
  }
  [[nodiscard]] std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  [[nodiscard]] int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string heard_;
  std::string to_say_;
  int asked_ = 0;
};

class SessionLinkTest : public ::testing::Test {
 protected:
  SessionLinkTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    guest_ = Fd(ends[0]);
    link_.emplace(Fd(ends[1]), down_);
  }

  void send(std::string_view text) {
    ASSERT_EQ(::send(guest_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string receive(std::size_t count) const {
    std::string text(count, '\0');
    text.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::recv(guest_.get(), text.data(), text.size(), MSG_WAITALL))));
    return text;
  }
  void wait_down() {
    pollfd watched{down_.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched, 1, -1), 1);
  }

  Fd guest_;
  VmDown down_;
  FakeSession session_;
  std::optional<SessionLink> link_;  // last: its thread uses the session
};

TEST_F(SessionLinkTest, WhatTheSessionHasToSayAtFirstGoesOut) {
  session_.say("launch");
  link_->start(session_);
  EXPECT_EQ(receive(6), "launch");
}

TEST_F(SessionLinkTest, WhatItHasToSayLaterGoesOutWhenItIsWoken) {
  link_->start(session_);
  session_.say("later");
  link_->wake();
  EXPECT_EQ(receive(5), "later");
}

TEST_F(SessionLinkTest, WhatTheGuestSaysReachesTheSession) {
  link_->start(session_);
  send("hello");
  session_.wait_heard(5);
  EXPECT_EQ(session_.heard(), "hello");
}

TEST_F(SessionLinkTest, EndOfTheStreamIsToldAfterTheLastWords) {
  link_->start(session_);
  send("last words");
  guest_ = Fd();
  wait_down();
  EXPECT_EQ(down_.reason(), DownReason::kPoweroff);
  EXPECT_EQ(session_.heard(), "last words");
}

TEST_F(SessionLinkTest, MoreThanTheStreamHoldsGoesOutAsItIsTaken) {
  std::string large(5'000'000, '\0');
  std::generate(large.begin(), large.end(),
                [value = 0U]() mutable { return static_cast<char>(value++ * 7919U >> 5U); });
  session_.say(large);
  link_->start(session_);
  EXPECT_EQ(receive(large.size()), large);
}

TEST_F(SessionLinkTest, WhoTakesNothingIsStillHeard) {
  session_.say(std::string(5'000'000, 'x'));
  link_->start(session_);
  send("hello");
  session_.wait_heard(5);
}

TEST_F(SessionLinkTest, WhoTakesNoMoreIsHeardAndAskedForNothing) {
  ASSERT_EQ(::shutdown(guest_.get(), SHUT_RD), 0);
  session_.say(std::string(1'000'000, 'x'));
  link_->start(session_);
  send("one");
  session_.wait_heard(3);
  const int asked = session_.asked();
  for (int i = 0; i < 100; ++i) {
    link_->wake();
    send("x");
  }
  session_.wait_heard(103);
  EXPECT_EQ(session_.asked(), asked);
  EXPECT_FALSE(down_.reason().has_value());
}

TEST_F(SessionLinkTest, StopEndsAStreamThatIsFull) {
  session_.say(std::string(5'000'000, 'x'));
  link_->start(session_);
  send("hello");
  session_.wait_heard(5);
  link_->stop();
  EXPECT_FALSE(down_.reason().has_value()) << "it has not ended by itself";
  EXPECT_EQ(::send(guest_.get(), "x", 1, MSG_NOSIGNAL), -1) << "the other end is closed";
}

}  // namespace
}  // namespace mayfly::vmm
