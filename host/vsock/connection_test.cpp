// SPDX-License-Identifier: Apache-2.0
#include "vsock/connection.hpp"

#include <array>

#include <gtest/gtest.h>

namespace mayfly::vsock {
namespace {

using Heard = Connection::Heard;
using State = Connection::State;

constexpr Ports kPorts{.host = 1, .guest = 2};

class ConnectionTest : public ::testing::Test {
 protected:
  static Packet packet(Operation operation, std::uint32_t bytes = 0, std::uint32_t flags = 0) {
    return {.ports = kPorts,
            .operation = operation,
            .bytes = bytes,
            .flags = flags,
            .buffer_bytes = 1000,
            .forwarded_bytes = 0};
  }
  Heard hear(Operation operation, std::uint32_t bytes = 0, std::uint32_t flags = 0) {
    return connection_.hear(packet(operation, bytes, flags));
  }
  void open() {
    connection_.accept(packet(Operation::kRequest));
    connection_.granted();
    EXPECT_EQ(connection_.tell().operation, Operation::kResponse);
  }

  std::array<std::byte, ReceiveCredit::kBufferBytes> memory_{};
  Connection connection_{memory_};
};

TEST_F(ConnectionTest, AskedForByAClientOpensWithTheResponse) {
  connection_.ask(kPorts);
  EXPECT_EQ(connection_.tell().operation, Operation::kRequest);
  EXPECT_EQ(hear(Operation::kResponse), Heard::kGranted);
  EXPECT_TRUE(connection_.is_open());
  EXPECT_EQ(connection_.room_at_guest(), 1000U);
}

TEST_F(ConnectionTest, AskedForByAClientDoesNotOpenBeforeTheGuestWasAsked) {
  connection_.ask(kPorts);
  EXPECT_EQ(hear(Operation::kResponse), Heard::kViolation);
  connection_.end();
  EXPECT_EQ(connection_.state(), State::kFree) << "the guest knows nothing of it";
}

TEST_F(ConnectionTest, AskedForByAClientTakesNothingButAnAnswer) {
  for (const Operation operation :
       {Operation::kRequest, Operation::kShutdown, Operation::kReadWrite, Operation::kCreditRequest}) {
    connection_.free();
    connection_.ask(kPorts);
    (void)connection_.tell();
    EXPECT_EQ(hear(operation), Heard::kViolation) << static_cast<int>(operation);
  }
}

TEST_F(ConnectionTest, AskedForByTheGuestWaitsForTheHost) {
  connection_.accept(packet(Operation::kRequest));
  EXPECT_EQ(connection_.news(), 0);
  EXPECT_EQ(hear(Operation::kCreditUpdate), Heard::kNothing);
  EXPECT_EQ(connection_.room_at_guest(), 0U);
  EXPECT_EQ(hear(Operation::kReadWrite, 1), Heard::kViolation);
  connection_.end();
  EXPECT_EQ(connection_.tell().operation, Operation::kReset);
}

TEST_F(ConnectionTest, IsOverWithAResetInAnyState) {
  connection_.accept(packet(Operation::kRequest));
  EXPECT_EQ(hear(Operation::kReset), Heard::kOver);
  connection_.granted();
  EXPECT_EQ(hear(Operation::kReset), Heard::kOver);
  connection_.end();
  EXPECT_EQ(hear(Operation::kReset), Heard::kOver);
}

TEST_F(ConnectionTest, TakesNoMoreThanItsBuffer) {
  open();
  EXPECT_EQ(hear(Operation::kReadWrite, ReceiveCredit::kBufferBytes), Heard::kData);
  EXPECT_EQ(hear(Operation::kReadWrite, 1), Heard::kViolation);
}

TEST_F(ConnectionTest, TakesNothingAfterTheGuestSaidSo) {
  open();
  EXPECT_EQ(hear(Operation::kShutdown, 0, kNoReceiving), Heard::kShutdown);
  EXPECT_EQ(hear(Operation::kReadWrite, 1), Heard::kData);
  EXPECT_EQ(connection_.room_at_guest(), 0U);
  EXPECT_EQ(hear(Operation::kShutdown, 0, kNoSending | 0xf0), Heard::kShutdown);
  EXPECT_EQ(connection_.guest_ends(), kNothingMore);
  EXPECT_EQ(hear(Operation::kReadWrite, 1), Heard::kViolation);
}

TEST_F(ConnectionTest, TellsOnceWhatTheClientDoesNoMore) {
  open();
  connection_.end_client(kNoSending);
  const Packet first = connection_.tell();
  EXPECT_EQ(first.operation, Operation::kShutdown);
  EXPECT_EQ(first.flags, kNoSending);
  connection_.end_client(kNoSending);
  EXPECT_EQ(connection_.news(), 0);
  connection_.end_client(kNoReceiving);
  EXPECT_EQ(connection_.tell().flags, kNothingMore);
}

TEST_F(ConnectionTest, AnswersARequestForCreditOnceHoweverOftenItComes) {
  open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(hear(Operation::kCreditRequest), Heard::kNothing);
  }
  EXPECT_EQ(connection_.tell().operation, Operation::kCreditUpdate);
  EXPECT_EQ(connection_.news(), 0);
}

TEST_F(ConnectionTest, AsksForCreditWhenThereIsNoneLeft) {
  open();
  (void)connection_.data(999);
  EXPECT_EQ(connection_.news(), 0);
  const Packet last = connection_.data(1);
  EXPECT_EQ(last.bytes, 1U);
  EXPECT_EQ(connection_.room_at_guest(), 0U);
  EXPECT_EQ(connection_.tell().operation, Operation::kCreditRequest);
}

TEST_F(ConnectionTest, TellsWithEveryPacketWhatWasPassedOn) {
  open();
  EXPECT_EQ(hear(Operation::kReadWrite, 300), Heard::kData);
  connection_.forwarded(200);
  const Packet data = connection_.data(5);
  EXPECT_EQ(data.forwarded_bytes, 200U);
  EXPECT_EQ(data.buffer_bytes, ReceiveCredit::kBufferBytes);
}

TEST_F(ConnectionTest, BeginsAnewWhenItsSlotIsUsedAgain) {
  open();
  EXPECT_EQ(hear(Operation::kReadWrite, ReceiveCredit::kBufferBytes), Heard::kData);
  EXPECT_EQ(hear(Operation::kShutdown, 0, kNothingMore), Heard::kShutdown);
  connection_.free();
  open();
  EXPECT_EQ(connection_.guest_ends(), 0U);
  EXPECT_EQ(hear(Operation::kReadWrite, ReceiveCredit::kBufferBytes), Heard::kData);
}

}  // namespace
}  // namespace mayfly::vsock
