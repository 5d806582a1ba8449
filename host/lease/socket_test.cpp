// SPDX-License-Identifier: Apache-2.0
#include "lease/socket.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::lease {
namespace {

constexpr ServerName kServer{"broker", "mayfly device serve"};

class LeaseSocket : public ::testing::Test {
 protected:
  static std::string listen_refusal(const std::string& path) {
    try {
      const Listener listener(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  static std::string connect_refusal(const std::string& path) {
    try {
      (void)connect_to(path, kServer);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "socket";
};

TEST_F(LeaseSocket, IsItsUsersAloneAndGoneAfterwards) {
  {
    const Listener listener(path_);
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LeaseSocket, BothEndsKnowWhoIsThere) {
  const Listener listener(path_);
  const Fd client = connect_to(path_, kServer);
  const Fd server = listener.accept();
  for (const Fd* end : {&client, &server}) {
    const auto peer = peer_of(end->get());
    ASSERT_TRUE(peer.has_value());
    EXPECT_EQ(peer->process, ::getpid());
    EXPECT_EQ(peer->user, ::geteuid());
    EXPECT_TRUE(is_trusted(*peer));
  }
}

TEST_F(LeaseSocket, OnlyItsUserAndRootAreTrusted) {
  EXPECT_TRUE(is_trusted({.process = 1, .user = 0}));
  EXPECT_FALSE(is_trusted({.process = 1, .user = ::geteuid() + 1}));
}

TEST_F(LeaseSocket, LiveOneIsRefusedAndStays) {
  const Listener listener(path_);
  EXPECT_NE(listen_refusal(path_).find("somebody serves there already"), std::string::npos);
  EXPECT_EQ(connect_refusal(path_), "");
}

TEST_F(LeaseSocket, StaleOneIsReplaced) {
  {
    const Listener first(path_);
    std::filesystem::rename(path_, path_ + "-left");
  }
  std::filesystem::rename(path_ + "-left", path_);
  EXPECT_NE(connect_refusal(path_).find("no broker serves at " + path_), std::string::npos);
  const Listener second(path_);
  EXPECT_EQ(connect_refusal(path_), "");
}

TEST_F(LeaseSocket, OneThatTookItsPlaceIsNotRemoved) {
  {
    const Listener listener(path_);
    std::filesystem::remove(path_);
    std::ofstream(path_) << "another's";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(LeaseSocket, WhatIsNoSocketIsNamedAndLeft) {
  std::ofstream(path_) << "text";
  EXPECT_EQ(listen_refusal(path_), path_ + " exists and is no socket; name another path");
  EXPECT_EQ(connect_refusal(path_), path_ + " is no socket; name the one of mayfly device serve");
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_NE(connect_refusal(path_ + "-none").find("no broker serves at"), std::string::npos);
}

TEST_F(LeaseSocket, SocketOfAnotherKindIsNotReplaced) {
  const Fd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  // Safe: the kernel looks at sun_family.
  ASSERT_EQ(::bind(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(stream.get(), 1), 0);
  EXPECT_NE(listen_refusal(path_).find("is in use"), std::string::npos);
  EXPECT_NE(connect_refusal(path_).find("cannot connect to the broker at"), std::string::npos);
}

TEST_F(LeaseSocket, StreamCarriesBytesAndIsReplacedWhenStale) {
  {
    const Listener first(path_, SocketKind::kStream);
    std::filesystem::rename(path_, path_ + "-left");
  }
  std::filesystem::rename(path_ + "-left", path_);
  const Listener listener(path_, SocketKind::kStream);
  const Fd client = connect_to(path_, kServer, SocketKind::kStream);
  const Fd server = listener.accept();
  ASSERT_EQ(::send(client.get(), "ab", 2, 0), 2);
  char one = 0;
  ASSERT_EQ(::recv(server.get(), &one, 1, 0), 1);
  ASSERT_EQ(::recv(server.get(), &one, 1, 0), 1);
  EXPECT_EQ(one, 'b');
}

TEST_F(LeaseSocket, MovedOneStaysUntilItsNewOwnerGoes) {
  std::optional<Listener> owner;
  {
    Listener first(path_);
    owner.emplace(std::move(first));
  }
  EXPECT_EQ(connect_refusal(path_), "");
  owner.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LeaseSocket, PathThatIsTooLongIsRefused) {
  EXPECT_NE(listen_refusal(std::string(200, 'x')).find("107 characters"), std::string::npos);
  EXPECT_NE(connect_refusal("").find("is no path of a socket"), std::string::npos);
}

TEST_F(LeaseSocket, PacketsThatAreTooLargeAreRefused) {
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd one(ends[0]);
  const Fd other(ends[1]);
  ASSERT_TRUE(send_packet(one.get(), std::vector<std::byte>(9)));
  EXPECT_THROW((void)receive_packet(other.get(), 8, 1), Error);
  ASSERT_TRUE(send_packet(one.get(), std::vector<std::byte>(8), std::array{1, 1, 1}));
  EXPECT_THROW((void)receive_packet(other.get(), 8, 1), Error);
  ASSERT_TRUE(send_packet(one.get(), std::vector<std::byte>(8), std::array{1}));
  const Packet packet = receive_packet(other.get(), 8, 1);
  EXPECT_EQ(packet.bytes.size(), 8U);
  ASSERT_EQ(packet.files.size(), 1U);
}

}  // namespace
}  // namespace mayfly::lease
