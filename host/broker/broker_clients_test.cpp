// SPDX-License-Identifier: Apache-2.0
//
// Clients that are none of ours: they get an error or are dropped, and others are served.
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "broker/broker_fixture.hpp"

namespace mayfly::broker {
namespace {

using testing::kCard;
using testing::kDisk;
using testing::kGuest;

class BrokerClients : public testing::BrokerTest {
 protected:
  BrokerClients() { parts_.ask_within = std::chrono::hours(1); }

  template <typename Message>
  static bool say(const Fd& socket, const Message& message) {
    return lease::send_packet(socket.get(), std::as_bytes(std::span(&message, 1)));
  }
  /// What the broker refuses with; "" when it ends the connection without a word.
  static std::string refused(const Fd& socket) {
    const lease::Packet packet = lease::receive_packet(socket.get(), sizeof(WireAnswer), 0);
    return packet.bytes.empty() ? "" : parse_answer(packet.bytes)->refusal;
  }
};

TEST_F(BrokerClients, MessageOfAnotherSizeIsAnswered) {
  start();
  for (const std::size_t bytes :
       {std::size_t{1}, sizeof(WireRequest) - 1, sizeof(WireRequest) + 1, std::size_t{65536}}) {
    const Fd client = lease::connect_to(path_, kServer);
    ASSERT_TRUE(lease::send_packet(client.get(), std::vector<std::byte>(bytes)));
    EXPECT_NE(refused(client).find("another size"), std::string::npos) << bytes;
    EXPECT_EQ(refused(client), "");
  }
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerClients, MessageOfAnotherVersionIsAnswered) {
  start();
  const Fd client = lease::connect_to(path_, kServer);
  WireRequest request = to_wire(Request(std::array{kDisk}, kGuest));
  request.version = kVersion + 1;
  ASSERT_TRUE(say(client, request));
  EXPECT_NE(refused(client).find("another version"), std::string::npos);
}

TEST_F(BrokerClients, SecondRequestOnAConnectionEndsItsLease) {
  start();
  const Fd client = lease::connect_to(path_, kServer);
  const WireRequest request = to_wire(Request(std::array{kDisk}, kGuest));
  ASSERT_TRUE(say(client, request));
  {
    const lease::Packet granted = lease::receive_packet(client.get(), sizeof(WireAnswer), kFilesMax);
    ASSERT_EQ(granted.files.size(), 2U);
    ASSERT_TRUE(say(client, to_wire(Request(std::array{kCard}, kGuest))));
    EXPECT_EQ(refused(client), "");
  }
  await("ready 0000:01:00.0", 2);
  EXPECT_EQ(refusal({kDisk}), "");
  EXPECT_EQ(refusal({kCard}), "");
}

TEST_F(BrokerClients, ClientThatNeverReadsHasItsLeaseUntilItEnds) {
  start();
  {
    const Fd client = lease::connect_to(path_, kServer);
    ASSERT_TRUE(say(client, to_wire(Request(std::array{kDisk}, kGuest))));
    while (refusal({kDisk}).empty()) {
    }
    EXPECT_EQ(refusal({kCard}), "");
  }
  await("ready 0000:01:00.0", 2);
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerClients, ClientThatGoesBeforeItsAnswerLeavesTheDevice) {
  start();
  for (int i = 0; i < 20; ++i) {
    const Fd client = lease::connect_to(path_, kServer);
    ASSERT_TRUE(say(client, to_wire(Request(std::array{kDisk}, kGuest))));
  }
  while (refusal({kDisk}).find("is lent") != std::string::npos) {
  }
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerClients, StrangerIsRefusedThoughTheSocketLetsItIn) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can be somebody else";
  }
  start();
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  std::string said;
  std::thread stranger([&] {
    // By the kernel's own call, so that this thread alone is somebody else.
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::syscall(SYS_setresuid, -1, kNobody, -1), 0);
    said = refusal({kDisk});
  });
  stranger.join();
  EXPECT_NE(said.find("lends devices to its own user and root only"), std::string::npos) << said;
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerClients, DescriptorsThatAreSentAlongAreClosed) {
  start();
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const Fd client = lease::connect_to(path_, kServer);
  const WireRequest request{.version = 9};
  ASSERT_TRUE(
      lease::send_packet(client.get(), std::as_bytes(std::span(&request, 1)), std::array{writer.get()}));
  EXPECT_FALSE(refused(client).empty());
  writer = Fd();
  std::byte nothing{};
  EXPECT_EQ(::read(reader.get(), &nothing, 1), 0);
}

TEST_F(BrokerClients, WhoDoesNotAskInTimeIsDropped) {
  parts_.ask_within = std::chrono::milliseconds(1);
  start();
  const Fd client = lease::connect_to(path_, kServer);
  EXPECT_EQ(refused(client), "");
}

TEST_F(BrokerClients, EndlessConnectionsAreBoundedAndServedInTurn) {
  start();
  await("ready", 2);
  const Lease tenant = take({kCard});
  std::vector<Fd> idle;
  for (std::size_t i = 0; i < lease::Server::kClientsMax; ++i) {
    idle.push_back(lease::connect_to(path_, kServer));
  }
  // One more stays in the kernel's queue until one of them goes.
  const Fd next = lease::connect_to(path_, kServer);
  const timeval little{.tv_sec = 0, .tv_usec = 50'000};
  ::setsockopt(next.get(), SOL_SOCKET, SO_RCVTIMEO, &little, sizeof(little));
  ASSERT_TRUE(say(next, to_wire(Request(std::array{kDisk}, kGuest))));
  EXPECT_THROW((void)lease::receive_packet(next.get(), sizeof(WireAnswer), kFilesMax), Error);
  const timeval long_enough{};
  ::setsockopt(next.get(), SOL_SOCKET, SO_RCVTIMEO, &long_enough, sizeof(long_enough));
  idle.pop_back();
  EXPECT_EQ(lease::receive_packet(next.get(), sizeof(WireAnswer), kFilesMax).files.size(), 2U);
}

}  // namespace
}  // namespace mayfly::broker
