// SPDX-License-Identifier: Apache-2.0
// Real clients on a real Unix socket, and a guest that is a test.
#include "vsock/clients.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/vsock_clients_fixture.hpp"

namespace mayfly::vsock {
namespace {

using testing::ClientsTest;
using testing::FakeGuest;

TEST_F(ClientsTest, AClientIsToldWhenTheGuestHasTakenIt) {
  const Fd client = connect();
  send(client, "CONNECT 52\n");
  run();
  const FakeGuest::Seen request = guest_.take();
  EXPECT_EQ(request.operation(), Operation::kRequest);
  EXPECT_EQ(request.ports().guest, 52U);
  EXPECT_EQ(received(client), "");
  guest_.send(request.ports(), Operation::kResponse);
  EXPECT_EQ(received(client), "OK " + std::to_string(request.ports().host) + "\n");
}

TEST_F(ClientsTest, BytesGoBothWays) {
  const Opened opened = open();
  send(opened.socket, "question");
  run();
  EXPECT_EQ(guest_.take().payload, "question");
  guest_.send(opened.ports, Operation::kReadWrite, "answer");
  EXPECT_EQ(received(opened.socket), "answer");
  send(opened.socket, "and another");
  run();
  EXPECT_EQ(guest_.take().payload, "and another");
}

TEST_F(ClientsTest, AGreetingMayComeInPiecesAndWithMoreBehindIt) {
  const Fd client = connect();
  send(client, "CONN");
  run();
  send(client, "ECT 5\nearly");
  run();
  const Ports ports = guest_.take().ports();
  EXPECT_EQ(ports.guest, 5U);
  EXPECT_TRUE(guest_.seen.empty());
  guest_.send(ports, Operation::kResponse);
  EXPECT_EQ(guest_.take().payload, "early");
}

TEST_F(ClientsTest, AClientThatIsRefusedIsClosed) {
  const Fd client = connect();
  send(client, "CONNECT 52\n");
  run();
  guest_.send(guest_.take().ports(), Operation::kReset);
  EXPECT_TRUE(is_closed(client));
}

TEST_F(ClientsTest, AClientOfAGuestWithoutADriverIsClosed) {
  guest_.has_driver = false;
  const Fd client = connect();
  send(client, "CONNECT 52\n");
  run();
  EXPECT_TRUE(is_closed(client));
}

TEST_F(ClientsTest, AClientThatSaysSomethingElseIsClosed) {
  const Fd client = connect();
  send(client, "GET / HTTP/1.1\r\n\r\n");
  run();
  // With what it sent unread, the end is a reset.
  char byte = 0;
  EXPECT_LE(::recv(client.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_NE(errno, EAGAIN);
  EXPECT_TRUE(guest_.seen.empty());
}

TEST_F(ClientsTest, AClientThatIsGoneBeforeItHasSpokenIsForgotten) {
  const std::size_t before = loop_.watched();
  {
    const Fd silent = connect();
    const Fd halting = connect();
    send(halting, "CONNECT 5");
    run();
    EXPECT_EQ(loop_.watched(), before + 2);
  }
  run();
  EXPECT_EQ(loop_.watched(), before);
}

TEST_F(ClientsTest, AClientThatClosesEndsItsConnection) {
  Opened opened = open();
  send(opened.socket, "last words");
  opened.socket = Fd();
  run();
  EXPECT_EQ(guest_.take().header.flags, kNoReceiving);
  EXPECT_EQ(guest_.take().payload, "last words");
  EXPECT_EQ(guest_.take().header.flags, kNothingMore);
}

TEST_F(ClientsTest, AClientThatSendsNoMoreStillReceives) {
  const Opened opened = open();
  ASSERT_EQ(::shutdown(opened.socket.get(), SHUT_WR), 0);
  run();
  EXPECT_EQ(guest_.take().header.flags, kNoSending);
  guest_.send(opened.ports, Operation::kReadWrite, "answer");
  EXPECT_EQ(received(opened.socket), "answer");
}

TEST_F(ClientsTest, AGuestThatSendsNoMoreEndsTheClientsReads) {
  const Opened opened = open();
  guest_.send(opened.ports, Operation::kShutdown, {}, kNoSending);
  EXPECT_TRUE(is_closed(opened.socket));
  send(opened.socket, "still heard");
  run();
  EXPECT_EQ(guest_.take().payload, "still heard");
}

TEST_F(ClientsTest, AGuestThatReceivesNoMoreEndsTheClientsWrites) {
  const Opened opened = open();
  guest_.send(opened.ports, Operation::kShutdown, {}, kNoReceiving);
  run();
  EXPECT_EQ(::send(opened.socket.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
  guest_.send(opened.ports, Operation::kReadWrite, "still sent");
  EXPECT_EQ(received(opened.socket), "still sent");
}

TEST_F(ClientsTest, AClientThatDoesNotReadHoldsUpNobodyElse) {
  const Opened slow = open();
  const Opened other = open();
  const std::string much(ReceiveCredit::kBufferBytes / 2, 'x');
  std::size_t sent = 0;
  std::uint32_t passed_on = 0;
  // Until its buffers, the kernel's and ours, are full.
  while (sent - passed_on <= ReceiveCredit::kBufferBytes / 2) {
    guest_.send(slow.ports, Operation::kReadWrite, much);
    sent += much.size();
    while (!guest_.seen.empty()) {
      passed_on = guest_.take().header.forwarded_bytes;
    }
    guest_.send(slow.ports, Operation::kCreditRequest);
    passed_on = guest_.take().header.forwarded_bytes;
  }
  run();
  guest_.send(other.ports, Operation::kReadWrite, "unhindered");
  EXPECT_EQ(received(other.socket), "unhindered");
  std::size_t got = 0;
  while (got < sent) {
    const std::string part = received(slow.socket);
    ASSERT_FALSE(part.empty());
    got += part.size();
    run();
  }
  EXPECT_EQ(got, sent);
}

TEST_F(ClientsTest, ClientsThatSayNothingAreFew) {
  const std::size_t before = loop_.watched();
  std::vector<Fd> silent;
  for (std::size_t i = 0; i < Clients::kGreetersMax + 5; ++i) {
    silent.push_back(connect());
  }
  run();
  EXPECT_EQ(loop_.watched(), before + Clients::kGreetersMax);
  // One that goes makes room for the next.
  silent.erase(silent.begin());
  run();
  EXPECT_EQ(loop_.watched(), before + Clients::kGreetersMax);
  const Fd late = connect();
  send(late, "CONNECT 52\n");
  silent.clear();
  run();
  EXPECT_EQ(guest_.take().ports().guest, 52U);
}

TEST_F(ClientsTest, ARingHasTheGuestServed) {
  clients_.wake();
  clients_.wake();
  run();
  EXPECT_EQ(guest_.services, 1);
}

TEST_F(ClientsTest, TheKernelRingsByItsBell) {
  constexpr std::uint64_t kOnce = 1;
  ASSERT_EQ(::write(clients_.bell(), &kOnce, sizeof(kOnce)), static_cast<ssize_t>(sizeof(kOnce)));
  run();
  EXPECT_EQ(guest_.services, 1);
}

TEST_F(ClientsTest, TheGuestReachesWhoListensAtThePathOfThePort) {
  const lease::Listener listener(path_ + "_7", lease::SocketKind::kStream);
  guest_.send({.host = 7, .guest = 9}, Operation::kRequest);
  EXPECT_TRUE(guest_.seen.empty());
  EXPECT_TRUE(serve_connect(connecting_.get(), path_));
  run();
  EXPECT_EQ(guest_.take().operation(), Operation::kResponse);
  const Fd server = listener.accept();
  ASSERT_TRUE(server);
  guest_.send({.host = 7, .guest = 9}, Operation::kReadWrite, "question");
  EXPECT_EQ(received(server), "question");
  send(server, "answer");
  run();
  EXPECT_EQ(guest_.take().payload, "answer");
}

TEST_F(ClientsTest, TheGuestIsRefusedWhereNobodyListens) {
  guest_.send({.host = 7, .guest = 9}, Operation::kRequest);
  EXPECT_TRUE(serve_connect(connecting_.get(), path_));
  run();
  EXPECT_EQ(guest_.take().operation(), Operation::kReset);
}

TEST_F(ClientsTest, AnAnswerThatComesTooLateIsNobodys) {
  const lease::Listener listener(path_ + "_7", lease::SocketKind::kStream);
  const std::size_t before = loop_.watched();
  guest_.send({.host = 7, .guest = 9}, Operation::kRequest);
  guest_.send({.host = 7, .guest = 9}, Operation::kReset);
  EXPECT_TRUE(serve_connect(connecting_.get(), path_));
  run();
  EXPECT_TRUE(is_closed(listener.accept()));
  EXPECT_EQ(loop_.watched(), before);
}

TEST_F(ClientsTest, AnAnswerForAConnectionThatIsOverIsNotTheNextOnes) {
  const lease::Listener listener(path_ + "_7", lease::SocketKind::kStream);
  guest_.send({.host = 7, .guest = 9}, Operation::kRequest);
  guest_.send({.host = 7, .guest = 9}, Operation::kReset);
  // Another has its slot, and is not to get its stream.
  guest_.send({.host = 8, .guest = 9}, Operation::kRequest);
  EXPECT_TRUE(serve_connect(connecting_.get(), path_));
  run();
  EXPECT_TRUE(guest_.seen.empty());
  EXPECT_TRUE(is_closed(listener.accept()));
  EXPECT_TRUE(serve_connect(connecting_.get(), path_));
  run();
  EXPECT_EQ(guest_.take().ports().host, 8U);
}

TEST_F(ClientsTest, TheGuestIsRefusedWhenNobodyConnectsForIt) {
  connecting_ = Fd();
  run();
  guest_.send({.host = 7, .guest = 9}, Operation::kRequest);
  EXPECT_EQ(guest_.take().operation(), Operation::kReset);
}

TEST_F(ClientsTest, WhoConnectsEndsWithWhoAsks) {
  Fd other;
  { const Connector connector(make_channel(other)); }
  EXPECT_FALSE(serve_connect(other.get(), path_));
}

TEST_F(ClientsTest, TheSocketIsForItsUserAlone) {
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace mayfly::vsock
