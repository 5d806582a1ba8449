// SPDX-License-Identifier: Apache-2.0
// Connections that come to be, and bytes that go through them.
#include "vsock/endpoint.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "testing/vsock_fixture.hpp"

namespace mayfly::vsock {
namespace {

using EndpointTest = testing::VsockFixture;

TEST_F(EndpointTest, AClientReachesTheGuest) {
  const auto slot = endpoint_.ask(5000);
  ASSERT_TRUE(slot);
  (void)streams_.client(*slot);
  const auto request = receive();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->operation(), Operation::kRequest);
  EXPECT_EQ(request->ports().guest, 5000U);
  EXPECT_GE(request->ports().host, Endpoint::kFirstPort);
  EXPECT_FALSE(streams_.client(*slot).granted);
  send(request->ports(), Operation::kResponse);
  EXPECT_EQ(streams_.client(*slot).granted, request->ports().host);
}

TEST_F(EndpointTest, AClientOfAPortWhereNobodyListensIsClosed) {
  const auto slot = endpoint_.ask(5000);
  (void)streams_.client(*slot);
  send(receive()->ports(), Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
  expect_nothing();
}

TEST_F(EndpointTest, ClientsHavePortsOfTheirOwn) {
  const Opened one = open_by_client();
  const Opened two = open_by_client();
  EXPECT_NE(one.ports.host, two.ports.host);
}

TEST_F(EndpointTest, TheGuestReachesTheHost) {
  const Slot slot = open_by_guest();
  EXPECT_EQ(streams_.client(slot).port, kPorts.host);
}

TEST_F(EndpointTest, TheGuestIsRefusedWhereNobodyListens) {
  streams_.answer = Streams::Connect::kRefused;
  send(kPorts, Operation::kRequest);
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
}

TEST_F(EndpointTest, TheGuestWaitsForAConnectionThatTakesTime) {
  streams_.answer = Streams::Connect::kLater;
  send(kPorts, Operation::kRequest);
  expect_nothing();
  endpoint_.connected(0);
  expect_only(kPorts, Operation::kResponse);
}

TEST_F(EndpointTest, TheGuestIsRefusedAfterAWhileToo) {
  streams_.answer = Streams::Connect::kLater;
  send(kPorts, Operation::kRequest);
  endpoint_.refused(0);
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
}

TEST_F(EndpointTest, BytesGoBothWays) {
  const Opened opened = open_by_client();
  send(opened.ports, Operation::kReadWrite, "from the guest");
  EXPECT_EQ(streams_.client(opened.slot).from_guest, "from the guest");
  client_sends(opened.slot, "from the client");
  const auto data = receive();
  ASSERT_TRUE(data);
  EXPECT_EQ(data->operation(), Operation::kReadWrite);
  EXPECT_EQ(data->payload, "from the client");
  expect_nothing();
}

TEST_F(EndpointTest, WhatAClientSentBeforeItWasConnectedIsNotLost) {
  const auto slot = endpoint_.ask(5000);
  streams_.client(*slot).to_guest = "early";
  const Ports ports = receive()->ports();
  expect_nothing();
  send(ports, Operation::kResponse);
  EXPECT_EQ(receive()->payload, "early");
}

TEST_F(EndpointTest, PacketsAreNoLongerThanTheGuestsBuffers) {
  const Opened opened = open_by_client();
  client_sends(opened.slot, "0123456789");
  EXPECT_EQ(receive(4)->payload, "0123");
  EXPECT_EQ(receive(4)->payload, "4567");
  EXPECT_EQ(receive(4)->payload, "89");
}

TEST_F(EndpointTest, ConnectionsTakeTurns) {
  const Opened one = open_by_client();
  const Opened two = open_by_client();
  expect_nothing();
  client_sends(one.slot, std::string(100, '1'));
  client_sends(two.slot, std::string(100, '2'));
  std::string order;
  while (const auto seen = receive(10)) {
    order += seen->payload[0];
  }
  EXPECT_EQ(order, "12121212121212121212");
}

TEST_F(EndpointTest, NoMoreIsSentThanTheGuestHasRoomFor) {
  const Opened opened = open_by_client();
  Header room = testing::from_guest(opened.ports, Operation::kCreditUpdate);
  room.buffer_bytes = 6;
  send(room);
  client_sends(opened.slot, "0123456789");
  EXPECT_EQ(receive()->payload, "012345");
  EXPECT_EQ(receive()->operation(), Operation::kCreditRequest);
  expect_nothing();
  room.forwarded_bytes = 6;
  send(room);
  EXPECT_EQ(receive()->payload, "6789");
}

TEST_F(EndpointTest, WhatAClientDoesNotTakeIsHeldForIt) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 3;
  send(kPorts, Operation::kReadWrite, "01234");
  send(kPorts, Operation::kReadWrite, "56789");
  EXPECT_EQ(streams_.client(slot).from_guest, "012");
  streams_.client(slot).takes = SIZE_MAX;
  endpoint_.ready(slot, Endpoint::kWritable);
  EXPECT_EQ(streams_.client(slot).from_guest, "0123456789");
}

TEST_F(EndpointTest, WhatIsHeldGoesBeforeWhatComes) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 2;
  send(kPorts, Operation::kReadWrite, "0123");
  // It has read, and nobody has told yet.
  streams_.client(slot).takes = SIZE_MAX;
  send(kPorts, Operation::kReadWrite, "4567");
  endpoint_.ready(slot, Endpoint::kWritable);
  EXPECT_EQ(streams_.client(slot).from_guest, "01234567");
}

TEST_F(EndpointTest, AClientThatTakesNothingHoldsUpOnlyItsOwnConnection) {
  const Slot slot = open_by_guest();
  const Opened other = open_by_client();
  streams_.client(slot).takes = 0;
  const std::string much(ReceiveCredit::kBufferBytes / 4, 'x');
  for (int i = 0; i < 4; ++i) {
    send(kPorts, Operation::kReadWrite, much);
  }
  expect_nothing();
  send(other.ports, Operation::kReadWrite, "still here");
  EXPECT_EQ(streams_.client(other.slot).from_guest, "still here");
  // The guest has been told of no room, and knows.
  send(kPorts, Operation::kReadWrite, "x");
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(endpoint_.counts().violations, 1U);
}

TEST_F(EndpointTest, TheGuestIsToldWhenThereIsRoomAgain) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 0;
  send(kPorts, Operation::kReadWrite, std::string(ReceiveCredit::kBufferBytes, 'x'));
  expect_nothing();
  streams_.client(slot).takes = 100;
  endpoint_.ready(slot, Endpoint::kWritable);
  const auto told = receive();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->operation(), Operation::kCreditUpdate);
  EXPECT_EQ(told->header.forwarded_bytes, 100U);
}

TEST_F(EndpointTest, BytesAreCounted) {
  const Opened opened = open_by_client();
  send(opened.ports, Operation::kReadWrite, "12345");
  client_sends(opened.slot, "123");
  (void)receive_all();
  const EndpointCounts counts = endpoint_.counts();
  EXPECT_EQ(counts.connections, 1U);
  EXPECT_EQ(counts.opened, 1U);
  EXPECT_EQ(counts.bytes_to_host, 5U);
  EXPECT_EQ(counts.bytes_to_guest, 3U);
}

}  // namespace
}  // namespace mayfly::vsock
