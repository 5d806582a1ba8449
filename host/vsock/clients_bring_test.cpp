// SPDX-License-Identifier: Apache-2.0
// Clients of a guest's sockets that others bring, and the port that is theirs.
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "testing/vsock_clients_fixture.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vsock {
namespace {

using testing::ClientsTest;
using testing::FakeGuest;

/// Two ends of a stream.
std::array<Fd, 2> make_stream() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

TEST_F(ClientsTest, AClientThatIsBroughtHasThePrivatePortAndIsToldNothing) {
  // In the place of one that has said CONNECT.
  const Ports greeted = open().ports;
  run();
  guest_.send(greeted, Operation::kReset);
  guest_.seen.clear();
  auto [ours, brought] = make_stream();
  send(ours, "early");
  clients_.bring(std::move(brought));
  run();
  const Ports ports = guest_.take().ports();
  EXPECT_EQ(ports.guest, kPrivatePort);
  guest_.send(ports, Operation::kResponse);
  EXPECT_EQ(guest_.take().payload, "early");
  guest_.send(ports, Operation::kReadWrite, "answer");
  EXPECT_EQ(received(ours), "answer");
  // Whoever has the place next says CONNECT again.
  ours = Fd();
  run();
  guest_.seen.clear();
  guest_.send(ports, Operation::kReset);
  open();
}

TEST_F(ClientsTest, AClientThatAsksForThePrivatePortIsClosed) {
  const Fd client = connect();
  send(client, "CONNECT 1023\n");
  run();
  EXPECT_TRUE(is_closed(client));
  EXPECT_TRUE(guest_.seen.empty());
}

TEST_F(ClientsTest, ABroughtClientOfAGuestWithoutADriverIsClosed) {
  guest_.has_driver = false;
  auto [ours, brought] = make_stream();
  clients_.bring(std::move(brought));
  run();
  EXPECT_TRUE(is_closed(ours));
}

TEST_F(ClientsTest, MoreThanMayBeBroughtAtOnceAreClosed) {
  std::vector<Fd> ours;
  for (std::size_t i = 0; i <= Clients::kBroughtMax; ++i) {
    auto ends = make_stream();
    ours.push_back(std::move(ends[0]));
    clients_.bring(std::move(ends[1]));
  }
  EXPECT_TRUE(is_closed(ours.back()));
  run();
  EXPECT_EQ(guest_.seen.size(), Clients::kBroughtMax);
}

/// Sockets that nothing leads to but bring().
TEST(ClientsWithoutDoors, OnlyWhoIsBroughtComesInAndNobodyOut) {
  mayfly::testing::FakeEventLoop loop;
  Clients clients(std::nullopt, 1023, loop);
  FakeGuest guest(clients);
  clients.serve(guest);
  auto [ours, brought] = make_stream();
  clients.bring(std::move(brought));
  ASSERT_TRUE(loop.settle());
  EXPECT_EQ(guest.take().ports().guest, 1023U);
  guest.send({.host = 7000, .guest = 9}, Operation::kRequest);
  ASSERT_TRUE(loop.settle());
  EXPECT_EQ(guest.take().operation(), Operation::kReset);
}

}  // namespace
}  // namespace mayfly::vsock
