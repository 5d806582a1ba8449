// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_link.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
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
    // Safe: bytes as characters.
    heard.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
    ++asked;
    const std::size_t count = std::min(buffer.size(), to_say.size() - said);
    std::memcpy(buffer.data(), to_say.data() + said, count);
    said += count;
    return count;
  }

  std::string to_say;
  std::size_t said = 0;
  std::string heard;
  int asked = 0;
};

class SessionLinkTest : public ::testing::Test {
 protected:
  SessionLinkTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    guest_ = Fd(ends[0]);
    link_.emplace(Fd(ends[1]), down_);
    link_->join(session_);
  }

  void send(std::string_view text) {
    ASSERT_EQ(::send(guest_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// What has come, which may be nothing.
  [[nodiscard]] std::string receive() const {
    std::string text(1 << 20, '\0');
    text.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::recv(guest_.get(), text.data(), text.size(), MSG_DONTWAIT))));
    return text;
  }
  /// As the main loop does, as long as there is something to do.
  void serve() {
    while (true) {
      std::array<pollfd, 2> watched = link_->watched();
      if (::poll(watched.data(), watched.size(), 0) == 0) {
        return;
      }
      link_->serve(watched);
    }
  }

  Fd guest_;
  VmDown down_;
  FakeSession session_;
  std::optional<SessionLink> link_;
};

TEST_F(SessionLinkTest, WhatTheSessionHasToSayGoesOutWhenItIsWoken) {
  session_.to_say = "launch";
  serve();
  EXPECT_EQ(receive(), "");
  link_->wake();
  serve();
  EXPECT_EQ(receive(), "launch");
}

TEST_F(SessionLinkTest, WhatTheGuestSaysReachesTheSession) {
  send("hello");
  serve();
  EXPECT_EQ(session_.heard, "hello");
}

// Such as leave to send more.
TEST_F(SessionLinkTest, WhatTheSessionHasToSayToThatGoesOutAtOnce) {
  send("hello");
  session_.to_say = "more";
  std::array<pollfd, 2> watched = link_->watched();
  ASSERT_EQ(::poll(watched.data(), watched.size(), 0), 1);
  link_->serve(watched);
  EXPECT_EQ(receive(), "more");
}

TEST_F(SessionLinkTest, EndOfTheStreamIsToldAfterTheLastWords) {
  send("last words");
  guest_ = Fd();
  serve();
  EXPECT_EQ(down_.reason(), DownReason::kPoweroff);
  EXPECT_EQ(session_.heard, "last words");
  link_->wake();
  serve();
  EXPECT_EQ(session_.asked, 1) << "nobody is left to send to";
}

TEST_F(SessionLinkTest, MoreThanTheStreamHoldsGoesOutAsItIsTaken) {
  std::string large(5'000'000, '\0');
  std::generate(large.begin(), large.end(),
                [value = 0U]() mutable { return static_cast<char>(value++ * 7919U >> 5U); });
  session_.to_say = large;
  link_->wake();
  std::string got;
  for (std::string piece = "x"; !piece.empty();) {
    serve();
    piece = receive();
    got += piece;
  }
  EXPECT_EQ(got, large);
}

TEST_F(SessionLinkTest, WhoTakesNothingIsStillHeard) {
  session_.to_say = std::string(5'000'000, 'x');
  link_->wake();
  serve();
  EXPECT_LT(session_.said, session_.to_say.size());
  send("hello");
  serve();
  EXPECT_EQ(session_.heard, "hello");
}

TEST_F(SessionLinkTest, WhoTakesNoMoreIsHeardAndAskedForNothing) {
  ASSERT_EQ(::shutdown(guest_.get(), SHUT_RD), 0);
  session_.to_say = std::string(1'000'000, 'x');
  link_->wake();
  serve();
  const int asked = session_.asked;
  for (int i = 0; i < 100; ++i) {
    link_->wake();
    send("x");
    serve();
  }
  EXPECT_EQ(session_.heard.size(), 100U);
  EXPECT_EQ(session_.asked, asked);
  EXPECT_FALSE(down_.reason().has_value());
}

TEST_F(SessionLinkTest, ItsEndIsThatOfTheStream) {
  session_.to_say = std::string(5'000'000, 'x');
  link_->wake();
  serve();
  link_.reset();
  EXPECT_FALSE(down_.reason().has_value()) << "it has not ended by itself";
  EXPECT_EQ(::send(guest_.get(), "x", 1, MSG_NOSIGNAL), -1) << "the other end is closed";
}

}  // namespace
}  // namespace mayfly::vmm
