// SPDX-License-Identifier: Apache-2.0
//
// Clients that are none of ours: they get an error or are dropped, and others are served. The rest of this is
// tested with the broker, which has the same server.
#include <array>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pool/pool_fixture.hpp"

namespace mayfly::pool {
namespace {

using testing::kLarge;
using testing::kSmall;

class PoolClients : public testing::PoolTest {
 protected:
  PoolClients() { parts_.ask_within = std::chrono::hours(1); }

  template <typename Message>
  static bool say(const Fd& socket, const Message& message, std::span<const int> files = {}) {
    return lease::send_packet(socket.get(), std::as_bytes(std::span(&message, 1)), files);
  }
  [[nodiscard]] Fd connect() const { return lease::connect_to(path_, kServer); }
  /// What the pool refuses with; "" when it ends the connection without a word.
  static std::string refused(const Fd& socket) {
    const lease::Packet packet = lease::receive_packet(socket.get(), sizeof(WireAnswer), 0);
    return packet.bytes.empty() ? "" : parse_answer(packet.bytes)->refusal;
  }
};

TEST_F(PoolClients, MessageOfAnotherSizeIsAnswered) {
  start();
  for (const std::size_t bytes :
       {std::size_t{1}, sizeof(WireRequest) - 1, sizeof(WireRequest) + 1, std::size_t{65536}}) {
    const Fd client = connect();
    ASSERT_TRUE(lease::send_packet(client.get(), std::vector<std::byte>(bytes)));
    EXPECT_NE(refused(client).find("another size"), std::string::npos) << bytes;
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(PoolClients, DescriptorsThatAreSentAlongAreClosed) {
  start();
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const Fd client = connect();
  ASSERT_TRUE(say(client, WireRequest{.version = 9}, std::array{writer.get()}));
  EXPECT_FALSE(refused(client).empty());
  writer = Fd();
  std::byte nothing{};
  EXPECT_EQ(::read(reader.get(), &nothing, 1), 0);
}

TEST_F(PoolClients, SecondRequestOnAConnectionEndsItsLease) {
  start();
  const Fd client = connect();
  ASSERT_TRUE(say(client, to_wire(MemoryRequest{kSmall})));
  const lease::Packet granted = lease::receive_packet(client.get(), sizeof(WireAnswer), 1);
  ASSERT_EQ(granted.files.size(), 1U);
  ASSERT_TRUE(say(client, to_wire(MemoryRequest{kLarge})));
  EXPECT_EQ(refused(client), "");
  await_status([](const ShelfStatus& now) { return now.lent == 0; });
  EXPECT_EQ(refusal(kLarge), "");
}

TEST_F(PoolClients, ClientsThatNeverReadTakeNoMoreThanThereIs) {
  start();
  std::vector<Fd> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(say(clients.back(), to_wire(MemoryRequest{kSmall})));
  }
  await_status([](const ShelfStatus& now) { return now.lent == 3 && now.waiting == 0; });
  EXPECT_EQ(refusal(kLarge), "");
  clients.clear();
  await_status([](const ShelfStatus& now) { return now.lent == 0 && now.ready == 2; });
}

TEST_F(PoolClients, EndlessConnectionsAreBoundedAndServedInTurn) {
  start();
  std::vector<Fd> idle;
  for (std::size_t i = 0; i < lease::Server::kClientsMax; ++i) {
    idle.push_back(connect());
  }
  // One more stays in the kernel's queue until one of them goes.
  const Fd next = connect();
  const timeval little{.tv_sec = 0, .tv_usec = 50'000};
  ::setsockopt(next.get(), SOL_SOCKET, SO_RCVTIMEO, &little, sizeof(little));
  ASSERT_TRUE(say(next, to_wire(MemoryRequest{kSmall})));
  EXPECT_THROW((void)lease::receive_packet(next.get(), sizeof(WireAnswer), 1), Error);
  const timeval long_enough{};
  ::setsockopt(next.get(), SOL_SOCKET, SO_RCVTIMEO, &long_enough, sizeof(long_enough));
  idle.pop_back();
  EXPECT_EQ(lease::receive_packet(next.get(), sizeof(WireAnswer), 1).files.size(), 1U);
}

TEST_F(PoolClients, NearestNodeIsPreferredAndThenAnyOther) {
  parts_.shelves = {{.kind = {.bytes = kSmall, .pages = Pages::k4k}},
                    {.kind = {.bytes = kSmall, .pages = Pages::k4k, .node = 0}}};
  start();
  await("ready", 2);
  std::vector<LentMemory> memory;
  memory.push_back(take());
  // This machine's only node, or the one that this runs on.
  EXPECT_EQ(status(1).lent + status(0).lent, 1U);
  memory.push_back(take());
  EXPECT_EQ(status(1).lent + status(0).lent, 2U);
  EXPECT_EQ(status(0).handed_out, 1U);
}

}  // namespace
}  // namespace mayfly::pool
