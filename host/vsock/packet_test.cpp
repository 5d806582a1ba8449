// SPDX-License-Identifier: Apache-2.0
#include "vsock/packet.hpp"

#include <cstring>
#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

namespace mayfly::vsock {
namespace {

Header good() {
  return {.source_cid = 7,
          .destination_cid = 2,
          .source_port = 0x11223344,
          .destination_port = 0x55667788,
          .bytes = 9,
          .type = 1,
          .operation = 5,
          .flags = 3,
          .buffer_bytes = 0x10000,
          .forwarded_bytes = 77};
}

TEST(VsockPacket, IsReadAsTheSpecificationLaysItOut) {
  const unsigned char wire[44] = {7, 0,    0,    0,    0,    0,    0,    0,    2,    0, 0,  0, 0, 0, 0,
                                  0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55, 9, 0,  0, 0, 1, 0,
                                  5, 0,    3,    0,    0,    0,    0,    0,    1,    0, 77, 0, 0, 0};
  Header header{};
  std::memcpy(&header, wire, sizeof(header));
  const auto packet = parse(header, 7);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->ports.guest, 0x11223344U);
  EXPECT_EQ(packet->ports.host, 0x55667788U);
  EXPECT_EQ(packet->operation, Operation::kReadWrite);
  EXPECT_EQ(packet->bytes, 9U);
  EXPECT_EQ(packet->flags, kNothingMore);
  EXPECT_EQ(packet->buffer_bytes, 0x10000U);
  EXPECT_EQ(packet->forwarded_bytes, 77U);
}

TEST(VsockPacket, IsWrittenWithTheHostAsItsSource) {
  const auto packet = parse(good(), 7);
  ASSERT_TRUE(packet);
  const Header header = compose(*packet, 7);
  EXPECT_EQ(header.source_cid, kHostCid);
  EXPECT_EQ(header.destination_cid, 7U);
  EXPECT_EQ(header.source_port, 0x55667788U);
  EXPECT_EQ(header.destination_port, 0x11223344U);
  EXPECT_EQ(header.type, 1U);
  EXPECT_EQ(header.operation, 5U);
}

TEST(VsockPacket, OfAnotherGuestIsRefused) {
  EXPECT_EQ(parse(good(), 8).error(), PacketFault::kWrongSource);
  Header header = good();
  header.source_cid += 1ULL << 32U;
  EXPECT_EQ(parse(header, 7).error(), PacketFault::kWrongSource) << "all 64 bits count";
}

TEST(VsockPacket, ForAnotherHostIsRefused) {
  Header header = good();
  header.destination_cid = 3;
  EXPECT_EQ(parse(header, 7).error(), PacketFault::kWrongDestination);
}

TEST(VsockPacket, OfAnotherTypeIsRefused) {
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0, 2, 3, 0xffff}) {
    Header header = good();
    header.type = type;
    EXPECT_EQ(parse(header, 7).error(), PacketFault::kUnknownType) << type;
  }
}

TEST(VsockPacket, WithAnOperationThatIsNotKnownIsRefused) {
  for (const std::uint16_t operation : std::initializer_list<std::uint16_t>{0, 8, 0xffff}) {
    Header header = good();
    header.operation = operation;
    EXPECT_EQ(parse(header, 7).error(), PacketFault::kUnknownOperation) << operation;
  }
}

}  // namespace
}  // namespace mayfly::vsock
