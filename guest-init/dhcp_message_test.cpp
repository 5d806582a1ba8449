// SPDX-License-Identifier: Apache-2.0
#include "guest-init/dhcp_message.hpp"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "guest-init/dhcp_fixture.hpp"

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;
using testing::kDhcpMac;
using testing::kTransaction;
using testing::Reply;

std::optional<DhcpAnswer> parsed(const Reply& reply) {
  return parse_dhcp(reply.bytes(), kDhcpMac, kTransaction);
}

TEST(DhcpMessage, AnAnswerIsReadWhole) {
  const auto answer = parsed(Reply(DhcpKind::kAck)
                                 .add(3, {10, 0, 0, 1, 10, 0, 0, 9})
                                 .add(6, {9, 9, 9, 9, 1, 1, 1, 1, 8, 8, 8, 8, 7, 7, 7, 7})
                                 .add(15, {'a', '.', 'b', 0})
                                 .add(26, {5, 0})
                                 .add(0x7e, {1, 2, 3}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, DhcpKind::kAck);
  const Lease& lease = answer->lease;
  EXPECT_EQ(lease.address, (Ipv4Address{10, 0, 0, 7}));
  EXPECT_EQ(lease.prefix, 24);
  EXPECT_EQ(lease.server, (Ipv4Address{10, 0, 0, 1}));
  EXPECT_EQ(lease.gateway, (Ipv4Address{10, 0, 0, 1}));
  EXPECT_EQ(lease.nameserver_count, 3U);
  EXPECT_EQ(lease.nameservers[2], (Ipv4Address{8, 8, 8, 8}));
  EXPECT_EQ(lease.domain_name(), "a.b");
  EXPECT_EQ(lease.mtu, 1280);
  EXPECT_EQ(lease.ends, 3600U);
  EXPECT_EQ(lease.renew, 1800U);
  EXPECT_EQ(lease.rebind, 3150U);
}

TEST(DhcpMessage, WhatIsForAnotherIsNone) {
  EXPECT_FALSE(parse_dhcp(Reply(DhcpKind::kOffer).bytes(), {2, 0, 0, 0, 0, 9}, kTransaction).has_value());
  EXPECT_FALSE(parse_dhcp(Reply(DhcpKind::kOffer).bytes(), kDhcpMac, kTransaction + 1).has_value());
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{236}}) {
    Reply reply(DhcpKind::kOffer);
    reply.bytes()[at] ^= 0x40U;
    EXPECT_FALSE(parsed(reply).has_value()) << at;
  }
}

TEST(DhcpMessage, WhatEndsAnywhereIsNoneOrGood) {
  const Reply whole = Reply(DhcpKind::kOffer).add(15, {'a'});
  for (std::size_t size = 0; size < whole.bytes().size(); ++size) {
    const std::vector<std::uint8_t> cut(whole.bytes().begin(),
                                        whole.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    const auto answer = parse_dhcp(cut, kDhcpMac, kTransaction);
    EXPECT_TRUE(!answer || answer->lease.prefix != 0) << size;
  }
  EXPECT_FALSE(parsed(Reply(DhcpKind::kOffer).raw({6, 255, 1, 2})).has_value());
  EXPECT_FALSE(parsed(Reply(DhcpKind::kOffer).raw({6})).has_value());
}

TEST(DhcpMessage, WhatCannotBeUsedIsLeftOut) {
  const auto answer = parsed(Reply(DhcpKind::kAck)
                                 .add(3, {10, 0, 1, 1})  // of another network
                                 .add(6, {0, 0, 0, 0, 9, 9, 9})
                                 .add(15, {'a', '\n', 'b'})
                                 .add(26, {0, 68})
                                 .add(58, {0, 0, 0xff, 0})
                                 .add(59, {0, 0xff, 0, 0}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->lease.gateway, Ipv4Address{});
  EXPECT_EQ(answer->lease.nameserver_count, 0U);
  EXPECT_EQ(answer->lease.domain_bytes, 0U);
  EXPECT_EQ(answer->lease.mtu, 0);
  EXPECT_LE(answer->lease.renew, answer->lease.rebind);
  EXPECT_LE(answer->lease.rebind, answer->lease.ends);
}

TEST(DhcpMessage, AnAnswerWithoutWhatItMustHaveIsNone) {
  EXPECT_FALSE(parsed(Reply(DhcpKind::kAck).add(1, {255, 0, 255, 0})).has_value());
  EXPECT_FALSE(parsed(Reply(DhcpKind::kAck).add(51, {0, 0, 0, 0})).has_value());
  EXPECT_FALSE(parsed(Reply(DhcpKind::kAck).add(54, {0, 0, 0, 0})).has_value());
  EXPECT_FALSE(parsed(Reply(DhcpKind::kAck).add(53, {4})).has_value());
  for (const std::uint8_t first : std::array<std::uint8_t, 4>{0, 127, 224, 255}) {
    Reply reply(DhcpKind::kAck);
    reply.bytes()[16] = first;
    EXPECT_FALSE(parsed(reply).has_value()) << int{first};
  }
  const auto refusal = parsed(Reply(DhcpKind::kNak));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->lease.address, Ipv4Address{});
}

TEST(DhcpMessage, AQuestionSaysWhatIsAsked) {
  const auto bytes = make_dhcp({.kind = DhcpKind::kRequest,
                                .transaction = kTransaction,
                                .mac = kDhcpMac,
                                .seconds = 258,
                                .own = {},
                                .wanted = {10, 0, 0, 7},
                                .server = {10, 0, 0, 1}});
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[8], 1);
  EXPECT_EQ(bytes[9], 2);
  EXPECT_EQ(bytes[10], 0x80) << "answers are to come by broadcast";
  EXPECT_TRUE(std::ranges::equal(std::span(bytes).subspan(28, 6), kDhcpMac));
  const std::vector<std::uint8_t> options(bytes.begin() + 240, bytes.begin() + 263);
  EXPECT_EQ(options, (std::vector<std::uint8_t>{53, 1, 3, 50, 4, 10, 0, 0, 7,  54, 4,  10,
                                                0,  0, 1, 55, 5, 1,  3, 6, 15, 26, 255}));
  const auto renewal = make_dhcp({.kind = DhcpKind::kRequest,
                                  .transaction = kTransaction,
                                  .mac = kDhcpMac,
                                  .seconds = 0,
                                  .own = {10, 0, 0, 7},
                                  .wanted = {},
                                  .server = {}});
  EXPECT_EQ(renewal[10], 0);
  EXPECT_EQ(renewal[15], 7);
}

}  // namespace
}  // namespace mayfly::init
