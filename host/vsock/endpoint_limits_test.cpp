// SPDX-License-Identifier: Apache-2.0
// Guests that break the protocol or want more than there is.
#include <set>

#include <gtest/gtest.h>

#include "testing/vsock_fixture.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::vsock {
namespace {

using EndpointLimitsTest = testing::VsockFixture;

TEST_F(EndpointLimitsTest, WhatBelongsToNoConnectionIsAnsweredByReset) {
  for (const Operation operation : {Operation::kResponse, Operation::kShutdown, Operation::kReadWrite,
                                    Operation::kCreditUpdate, Operation::kCreditRequest}) {
    send(kPorts, operation);
    expect_only(kPorts, Operation::kReset);
  }
}

TEST_F(EndpointLimitsTest, AResetIsNotAnswered) {
  send(kPorts, Operation::kReset);
  Header header = testing::from_guest(kPorts, Operation::kReset);
  header.type = 9;
  send(header);
  expect_nothing();
}

TEST_F(EndpointLimitsTest, AnUnknownTypeIsAnsweredByResetOfThatType) {
  (void)open_by_guest();
  Header header = testing::from_guest(kPorts, Operation::kRequest);
  header.type = 2;
  send(header);
  const auto seen = receive();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->operation(), Operation::kReset);
  EXPECT_EQ(seen->header.type, 2U);
  EXPECT_EQ(streams_.count(), 1U) << "it was not about the stream";
}

TEST_F(EndpointLimitsTest, AnUnknownOperationEndsItsConnection) {
  (void)open_by_guest();
  send(testing::from_guest(kPorts, static_cast<Operation>(99)));
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
  EXPECT_EQ(endpoint_.counts().violations, 1U);
}

TEST_F(EndpointLimitsTest, PacketsOfOthersAreDropped) {
  Header header = testing::from_guest(kPorts, Operation::kRequest);
  header.source_cid = 4;
  send(header);
  header = testing::from_guest(kPorts, Operation::kRequest);
  header.destination_cid = 1;
  send(header);
  expect_nothing();
  EXPECT_EQ(endpoint_.counts().dropped, 2U);
}

TEST_F(EndpointLimitsTest, ASecondRequestEndsTheConnection) {
  (void)open_by_guest();
  send(kPorts, Operation::kRequest);
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(streams_.count(), 0U);
}

TEST_F(EndpointLimitsTest, UnreadResetsAreFewAndThenStopTheGuest) {
  for (std::uint32_t i = 0; i < ResetList::kMax; ++i) {
    ASSERT_TRUE(endpoint_.may_take());
    send({1, i}, Operation::kReadWrite);
    if (i + 1 < ResetList::kMax) {
      send({1, i}, Operation::kReadWrite);  // the same again costs nothing
    }
  }
  EXPECT_FALSE(endpoint_.may_take());
  std::set<std::uint32_t> told;
  for (const auto& seen : receive_all()) {
    EXPECT_EQ(seen.operation(), Operation::kReset);
    EXPECT_TRUE(told.insert(seen.ports().guest).second);
  }
  EXPECT_EQ(told.size(), ResetList::kMax);
  EXPECT_TRUE(endpoint_.may_take());
}

TEST_F(EndpointLimitsTest, TheGuestLeavesSlotsForClients) {
  for (std::uint32_t i = 0; i < Endpoint::kGuestSlots; ++i) {
    (void)open_by_guest({1, i});
  }
  send({1, 9999}, Operation::kRequest);
  expect_only({1, 9999}, Operation::kReset);
  for (std::size_t i = Endpoint::kGuestSlots; i < Endpoint::kConnectionsMax; ++i) {
    (void)open_by_client();
  }
  EXPECT_FALSE(endpoint_.ask(5000)) << "no more than there are";
  EXPECT_EQ(endpoint_.counts().connections, Endpoint::kConnectionsMax);
}

TEST_F(EndpointLimitsTest, ASlotThatIsFreeIsUsedAgain) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Opened opened = open_by_client();
    EXPECT_EQ(opened.slot, 0U);
    send(opened.ports, Operation::kReset);
  }
  EXPECT_EQ(endpoint_.counts().opened, 1000U);
}

TEST_F(EndpointLimitsTest, APortInUseIsNotGivenToAClient) {
  // The guest has the next one by chance.
  (void)open_by_guest({Endpoint::kFirstPort, 1});
  EXPECT_EQ(open_by_client().ports.host, Endpoint::kFirstPort + 1);
}

TEST_F(EndpointLimitsTest, WhileAResetIsUntoldNothingElseIsHeard) {
  (void)open_by_guest();
  send(kPorts, Operation::kRequest);  // a violation
  send(kPorts, Operation::kReadWrite, "x");
  send(kPorts, Operation::kShutdown, {}, kNothingMore);
  send(testing::from_guest(kPorts, static_cast<Operation>(99)));
  expect_only(kPorts, Operation::kReset);
  EXPECT_EQ(endpoint_.counts().connections, 0U);
}

TEST_F(EndpointLimitsTest, ALateEventOfAStreamThatIsGoneIsNothing) {
  const Slot slot = open_by_guest();
  send(kPorts, Operation::kReset);
  endpoint_.ready(slot, Endpoint::kReadable | Endpoint::kWritable | Endpoint::kHungUp);
  endpoint_.connected(slot);
  endpoint_.refused(slot);
  expect_nothing();
}

}  // namespace
}  // namespace mayfly::vsock
