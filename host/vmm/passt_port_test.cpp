// SPDX-License-Identifier: Apache-2.0
#include "vmm/passt_port.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

constexpr std::size_t kHeader = 12;

class PasstPortTest : public ::testing::Test {
 protected:
  PasstPortTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    passt_ = Fd(ends[0]);
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
    stderr_ = Fd(pipe[1]);
    port_.emplace(Fd(ends[1]), Fd(pipe[0]));
  }

  static std::string packet(std::size_t bytes, char first = 'a') {
    std::string text(bytes, '\0');
    std::generate(text.begin(), text.end(), [first, i = 0U]() mutable {
      return static_cast<char>(static_cast<unsigned>(first) + i++ * 7919U / 64U);
    });
    return text;
  }
  static std::string framed(const std::string& text) {
    const auto bytes = static_cast<std::uint32_t>(text.size());
    const std::string length{static_cast<char>(bytes >> 24U), static_cast<char>(bytes >> 16U),
                             static_cast<char>(bytes >> 8U), static_cast<char>(bytes)};
    return length + text;
  }
  void say(std::string_view bytes) const {
    ASSERT_EQ(::send(passt_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  /// What passt hears, as it is there.
  [[nodiscard]] std::string hear() const {
    std::string text(1 << 20, '\0');
    const ssize_t got = ::recv(passt_.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  /// A packet into pieces of those sizes; what it was with its header, or what went wrong as `-errno`.
  std::string receive(std::vector<std::size_t> sizes) {
    std::vector<std::string> pieces;
    for (const std::size_t size : sizes) {
      pieces.emplace_back(size, '?');
    }
    std::vector<iovec> buffers;
    for (std::string& piece : pieces) {
      buffers.push_back({piece.data(), piece.size()});
    }
    const ssize_t got = port_->receive(buffers);
    if (got < 0) {
      return std::to_string(got);
    }
    std::string all;
    for (const std::string& piece : pieces) {
      all += piece;
    }
    return all.substr(0, static_cast<std::size_t>(got));
  }
  ssize_t send(std::string text, std::vector<std::size_t> sizes) {
    std::vector<iovec> buffers;
    std::size_t at = 0;
    for (const std::size_t size : sizes) {
      buffers.push_back({text.data() + at, size});
      at += size;
    }
    buffers.push_back({text.data() + at, text.size() - at});
    return port_->send(buffers);
  }
  [[nodiscard]] bool is_readable() const {
    pollfd watched{port_->fd(), POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1;
  }

  static inline const std::string kNoHeader = std::string(kHeader, '\0');
  static inline const std::string kLater = std::to_string(-EAGAIN);

  Fd passt_;
  Fd stderr_;
  std::optional<PasstPort> port_;
};

TEST_F(PasstPortTest, PacketsComeOneByOneWithAHeaderThatSaysNothing) {
  say(framed(packet(60)) + framed(packet(1500, 'b')));
  EXPECT_EQ(receive({kHeader, 4000}), kNoHeader + packet(60));
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(receive({kHeader, 700, 100, 3000}), kNoHeader + packet(1500, 'b'));
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(receive({kHeader, 4000}), kLater);
}

TEST_F(PasstPortTest, APacketInAnyTwoPartsIsWhole) {
  const std::string bytes = framed(packet(100)) + framed(packet(20, 'b'));
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    say(bytes.substr(0, cut));
    std::string got;
    for (int i = 0; i < 3; ++i) {
      const std::string one = receive({kHeader, 30, 200});
      got += one == kLater ? "" : one;
    }
    EXPECT_FALSE(is_readable()) << "nothing is left that nobody wakes up for";
    say(bytes.substr(cut));
    for (int i = 0; i < 3; ++i) {
      const std::string one = receive({kHeader, 30, 200});
      got += one == kLater ? "" : one;
    }
    ASSERT_EQ(got, kNoHeader + packet(100) + kNoHeader + packet(20, 'b')) << cut;
  }
}

// As net.cpp gives them: what the driver has no room for goes beside, and is seen to be too long.
TEST_F(PasstPortTest, WhatIsLongerThanTheBuffersIsCut) {
  say(framed(packet(1000)) + framed(packet(14, 'b')));
  EXPECT_EQ(receive({kHeader, 100}), kNoHeader + packet(1000).substr(0, 100));
  EXPECT_EQ(receive({kHeader, 100}), kNoHeader + packet(14, 'b'));
}

TEST_F(PasstPortTest, TheLongestPacketGoesBothWays) {
  const std::string longest = packet(65535);
  say(framed(longest));
  EXPECT_EQ(receive({kHeader, 1500, 70000}), kNoHeader + longest);
  EXPECT_EQ(send(kNoHeader + longest, {kHeader}), static_cast<ssize_t>(kHeader + longest.size()));
  EXPECT_EQ(hear(), framed(longest));
  EXPECT_EQ(send(kNoHeader + longest + "x", {kHeader}), -EINVAL);
}

TEST_F(PasstPortTest, APacketIsSentWithItsLengthAndWithoutItsHeader) {
  EXPECT_EQ(send(std::string(kHeader, 'h') + packet(60), {5, 20, 1}), static_cast<ssize_t>(kHeader + 60));
  EXPECT_EQ(hear(), framed(packet(60)));
  EXPECT_EQ(send(std::string(kHeader, 'h') + packet(13), {}), -EINVAL);
  EXPECT_EQ(send("short", {}), -EINVAL);
  EXPECT_EQ(hear(), "");
}

TEST_F(PasstPortTest, WhatIsSentInPartIsSentToItsEndBeforeAnythingElse) {
  const std::string large = packet(60000);
  std::string sent;
  while (!port_->is_full()) {
    ASSERT_GT(send(kNoHeader + large, {kHeader}), 0) << "it takes one more than there is room for";
    sent += framed(large);
  }
  EXPECT_EQ(send(kNoHeader + packet(60), {kHeader}), -EAGAIN);
  port_->flush();
  EXPECT_TRUE(port_->is_full()) << "nobody has read";
  std::string heard;
  for (std::string more = hear(); !more.empty(); more = hear()) {
    heard += more;
    port_->flush();
  }
  EXPECT_EQ(heard, sent);
  EXPECT_FALSE(port_->is_full());
  EXPECT_GT(send(kNoHeader + packet(60), {kHeader}), 0);
  EXPECT_EQ(hear(), framed(packet(60)));
}

TEST_F(PasstPortTest, NothingWaitsForOneThatIsGone) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  while (!port_->is_full()) {
    ASSERT_GT(send(kNoHeader + packet(60000), {kHeader}), 0);
  }
  passt_ = Fd();
  port_->flush();
  EXPECT_FALSE(port_->is_full());
}

TEST_F(PasstPortTest, ALengthThatIsNoneEndsIt) {
  for (const std::uint32_t bytes : {0U, 13U, 65554U, 0xffffffffU}) {
    const std::string length{static_cast<char>(bytes >> 24U), static_cast<char>(bytes >> 16U),
                             static_cast<char>(bytes >> 8U), static_cast<char>(bytes)};
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    passt_ = Fd(ends[0]);
    port_.emplace(Fd(ends[1]), Fd());
    say(length);
    EXPECT_EQ(receive({kHeader, 100}), std::to_string(-EPROTO)) << bytes;
  }
}

TEST_F(PasstPortTest, OneThatIsGoneIsCalledByItsLastWords) {
  EXPECT_EQ(port_->name(), "passt");
  const std::string_view said =
      "Don't run as root. Changing to nobody...\nFailed to send 46 bytes to syslog\n"
      "No external routable interface for IPv4\nExternal interface not \x1busable\n";
  ASSERT_EQ(::write(stderr_.get(), said.data(), said.size()), static_cast<ssize_t>(said.size()));
  passt_ = Fd();
  EXPECT_EQ(receive({kHeader, 100}), std::to_string(-ENODEV));
  EXPECT_EQ(port_->name(), "passt (No external routable interface for IPv4; External interface not ?usable)");
  EXPECT_EQ(port_->name(), "passt (No external routable interface for IPv4; External interface not ?usable)");
}

}  // namespace
}  // namespace mayfly::vmm
