// SPDX-License-Identifier: Apache-2.0
// Connections that end, from either side, and late.
#include <string>

#include <gtest/gtest.h>

#include "testing/vsock_fixture.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::vsock {
namespace {

using EndpointCloseTest = testing::VsockFixture;

TEST_F(EndpointCloseTest, AGuestThatClosesIsAnsweredByReset) {
  const Slot slot = open_by_guest();
  send(kPorts, Operation::kReadWrite, "last words");
  send(kPorts, Operation::kShutdown, {}, kNothingMore);
  EXPECT_FALSE(streams_.is_there(slot));
  EXPECT_EQ(streams_.take_closed()[0].from_guest, "last words");
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
}

TEST_F(EndpointCloseTest, AGuestThatClosesIsAnsweredWhenTheClientHasTakenAll) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 4;
  send(kPorts, Operation::kReadWrite, "last words");
  send(kPorts, Operation::kShutdown, {}, kNothingMore);
  expect_nothing();
  streams_.client(slot).takes = SIZE_MAX;
  endpoint_.ready(slot, Endpoint::kWritable);
  EXPECT_EQ(streams_.take_closed()[0].from_guest, "last words");
  expect_only(kPorts, Operation::kReset);
}

TEST_F(EndpointCloseTest, AGuestThatSendsNoMoreStillReceives) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 2;
  send(kPorts, Operation::kReadWrite, "all");
  send(kPorts, Operation::kShutdown, {}, kNoSending);
  EXPECT_FALSE(streams_.client(slot).output_ended) << "not before the client has all";
  streams_.client(slot).takes = SIZE_MAX;
  endpoint_.ready(slot, Endpoint::kWritable);
  EXPECT_TRUE(streams_.client(slot).output_ended);
  client_sends(slot, "an answer");
  EXPECT_EQ(receive()->payload, "an answer");
}

TEST_F(EndpointCloseTest, AGuestThatReceivesNoMoreIsSentNothing) {
  const Slot slot = open_by_guest();
  send(kPorts, Operation::kShutdown, {}, kNoReceiving);
  EXPECT_TRUE(streams_.client(slot).input_ended);
  client_sends(slot, "too late");
  expect_nothing();
  send(kPorts, Operation::kReadWrite, "still sent");
  EXPECT_EQ(streams_.client(slot).from_guest, "still sent");
}

TEST_F(EndpointCloseTest, AClientThatSendsNoMoreStillReceives) {
  const Opened opened = open_by_client();
  streams_.client(opened.slot).sends_no_more = true;
  client_sends(opened.slot, "a question");
  EXPECT_EQ(receive()->payload, "a question");
  expect_only(opened.ports, Operation::kShutdown, kNoSending);
  send(opened.ports, Operation::kReadWrite, "an answer");
  EXPECT_EQ(streams_.client(opened.slot).from_guest, "an answer");
  EXPECT_EQ(endpoint_.deadline_ns(), Endpoint::kNever) << "it may think about it as long as it likes";
}

TEST_F(EndpointCloseTest, WhatAClientSentBeforeItWasGoneReachesTheGuest) {
  const Opened opened = open_by_client();
  streams_.client(opened.slot).to_guest = "last words";
  streams_.client(opened.slot).sends_no_more = true;
  endpoint_.ready(opened.slot, Endpoint::kReadable | Endpoint::kHungUp);
  const auto all = receive_all();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].operation(), Operation::kShutdown);
  EXPECT_EQ(all[0].header.flags, kNoReceiving);
  EXPECT_EQ(all[1].payload, "last words");
  EXPECT_EQ(all[2].header.flags, kNothingMore);
  EXPECT_FALSE(streams_.is_there(opened.slot));
  send(opened.ports, Operation::kReset);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
  expect_nothing();
}

TEST_F(EndpointCloseTest, AClientThatIsGoneBeforeItIsConnectedIsNotForgotten) {
  const auto slot = endpoint_.ask(5000);
  streams_.client(*slot).sends_no_more = true;
  endpoint_.ready(*slot, Endpoint::kHungUp);
  const Ports ports = receive()->ports();
  send(ports, Operation::kResponse);
  const auto all = receive_all();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().header.flags, kNothingMore);
}

TEST_F(EndpointCloseTest, AClientThatTakesNoMoreIsTold) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes_no_more = true;
  send(kPorts, Operation::kReadWrite, "into the void");
  expect_only(kPorts, Operation::kShutdown, kNoReceiving);
  send(kPorts, Operation::kReadWrite, std::string(ReceiveCredit::kBufferBytes, 'x'));
  (void)receive_all();
  send(kPorts, Operation::kReadWrite, std::string(ReceiveCredit::kBufferBytes, 'x'));
  EXPECT_EQ(endpoint_.counts().violations, 0U) << "what nobody takes costs no credit";
}

TEST_F(EndpointCloseTest, AResetEndsAtOnce) {
  const Slot slot = open_by_guest();
  send(kPorts, Operation::kReset);
  EXPECT_FALSE(streams_.is_there(slot));
  expect_nothing();
}

TEST_F(EndpointCloseTest, AResetLosesNothingThatTheClientHasYetToTake) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 0;
  send(kPorts, Operation::kReadWrite, "last words");
  send(kPorts, Operation::kReset);
  ASSERT_TRUE(streams_.is_there(slot));
  // Its ports are free for the guest, the slot is not.
  send(kPorts, Operation::kRequest);
  expect_only(kPorts, Operation::kResponse);
  streams_.client(slot).takes = SIZE_MAX;
  endpoint_.ready(slot, Endpoint::kWritable);
  EXPECT_EQ(streams_.take_closed()[0].from_guest, "last words");
  EXPECT_EQ(endpoint_.counts().connections, 1U);
}

TEST_F(EndpointCloseTest, AClientThatNeverTakesTheRestIsClosedInTheEnd) {
  const Slot slot = open_by_guest();
  streams_.client(slot).takes = 0;
  send(kPorts, Operation::kReadWrite, "last words");
  send(kPorts, Operation::kReset);
  pass(Endpoint::kLingerNs - 1);
  EXPECT_TRUE(streams_.is_there(slot));
  pass(1);
  EXPECT_FALSE(streams_.is_there(slot));
  EXPECT_EQ(endpoint_.counts().connections, 0U);
}

TEST_F(EndpointCloseTest, AGuestThatDoesNotAnswerARequestIsReset) {
  const auto slot = endpoint_.ask(5000);
  (void)streams_.client(*slot);
  const Ports ports = receive()->ports();
  EXPECT_EQ(endpoint_.deadline_ns(), Endpoint::kAnswerWithinNs);
  pass(Endpoint::kAnswerWithinNs);
  EXPECT_FALSE(streams_.is_there(*slot));
  expect_only(ports, Operation::kReset);
}

TEST_F(EndpointCloseTest, AGuestThatTakesNoRequestIsNotToldOfIt) {
  const auto slot = endpoint_.ask(5000);
  (void)streams_.client(*slot);
  pass(Endpoint::kAnswerWithinNs);
  EXPECT_FALSE(streams_.is_there(*slot));
  expect_nothing();
}

TEST_F(EndpointCloseTest, AGuestThatDoesNotAnswerTheEndIsReset) {
  const Opened opened = open_by_client();
  streams_.client(opened.slot).sends_no_more = true;
  endpoint_.ready(opened.slot, Endpoint::kHungUp);
  (void)receive_all();
  pass(Endpoint::kAnswerWithinNs / 2);
  send(opened.ports, Operation::kReadWrite, "chatter puts nothing off");
  pass(Endpoint::kAnswerWithinNs / 2);
  expect_only(opened.ports, Operation::kReset);
}

TEST_F(EndpointCloseTest, AGuestThatDoesNotTakeWhatAGoneClientLeftIsResetInTheEnd) {
  const Opened opened = open_by_client();
  Header none = testing::from_guest(opened.ports, Operation::kCreditUpdate);
  none.buffer_bytes = 0;
  send(none);
  streams_.client(opened.slot).to_guest = "left behind";
  endpoint_.ready(opened.slot, Endpoint::kHungUp);
  expect_only(opened.ports, Operation::kShutdown, kNoReceiving);
  pass(Endpoint::kLingerNs);
  expect_only(opened.ports, Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
}

TEST_F(EndpointCloseTest, AHostThatDoesNotAnswerTheGuestIsGivenUp) {
  streams_.answer = Streams::Connect::kLater;
  send(kPorts, Operation::kRequest);
  pass(Endpoint::kAnswerWithinNs);
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
}

TEST_F(EndpointCloseTest, AnOpenConnectionMayBeSilent) {
  (void)open_by_guest();
  (void)open_by_client();
  EXPECT_EQ(endpoint_.deadline_ns(), Endpoint::kNever);
  pass(3600ULL * 1'000'000'000);
  EXPECT_EQ(streams_.count(), 2U);
}

TEST_F(EndpointCloseTest, AResetOfTheDeviceEndsAll) {
  (void)open_by_guest();
  const Opened opened = open_by_client();
  client_sends(opened.slot, "never read");
  send({1, 2}, Operation::kReadWrite, "nobody's");
  endpoint_.reset();
  EXPECT_EQ(streams_.count(), 0U);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
  EXPECT_FALSE(endpoint_.has_news());
  expect_nothing();
  (void)open_by_guest();
}

}  // namespace
}  // namespace mayfly::vsock
