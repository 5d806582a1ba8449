// SPDX-License-Identifier: Apache-2.0
#include "guest-init/dhcp_exchange.hpp"

#include <gtest/gtest.h>

#include "guest-init/dhcp_fixture.hpp"

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;
using testing::kDhcpMac;
using testing::kTransaction;
using testing::Reply;
using State = DhcpExchange::State;

class DhcpExchangeTest : public ::testing::Test {
 protected:
  /// What it says at that time.
  DhcpExchange::Letter said(std::uint64_t now_ms) {
    const auto letter = exchange_.advance(now_ms);
    EXPECT_TRUE(letter.has_value()) << now_ms;
    return letter.value_or(DhcpExchange::Letter{});
  }
  bool hears(const Reply& reply, std::uint64_t now_ms) { return exchange_.receive(reply.bytes(), now_ms); }
  void bind() {
    (void)said(0);
    EXPECT_FALSE(hears(Reply(DhcpKind::kOffer), 10));
    (void)said(10);
    EXPECT_TRUE(hears(Reply(DhcpKind::kAck), 20));
  }

  DhcpExchange exchange_{kDhcpMac, kTransaction, 0};
};

TEST_F(DhcpExchangeTest, AsksTakesAndHas) {
  const auto first = said(0);
  EXPECT_EQ(first.question.kind, DhcpKind::kDiscover);
  EXPECT_EQ(first.to, (Ipv4Address{255, 255, 255, 255}));
  EXPECT_FALSE(exchange_.advance(999).has_value());
  EXPECT_EQ(said(1000).question.kind, DhcpKind::kDiscover);
  EXPECT_FALSE(exchange_.advance(2999).has_value()) << "pauses grow";
  EXPECT_FALSE(hears(Reply(DhcpKind::kAck), 3000)) << "nothing was asked for yet";
  EXPECT_FALSE(hears(Reply(DhcpKind::kOffer), 3000));
  const auto second = said(3000);
  EXPECT_EQ(second.question.kind, DhcpKind::kRequest);
  EXPECT_EQ(second.question.wanted, (Ipv4Address{10, 0, 0, 7}));
  EXPECT_EQ(second.question.server, (Ipv4Address{10, 0, 0, 1}));
  EXPECT_TRUE(hears(Reply(DhcpKind::kAck), 3100));
  EXPECT_EQ(exchange_.state(), State::kBound);
  EXPECT_EQ(exchange_.due_ms(), 3000U + 1800 * 1000);
}

TEST_F(DhcpExchangeTest, OnlyWhoOfferedGives) {
  (void)said(0);
  (void)hears(Reply(DhcpKind::kOffer), 0);
  (void)said(0);
  EXPECT_FALSE(hears(Reply(DhcpKind::kAck).add(54, {10, 0, 0, 2}), 1));
  EXPECT_FALSE(hears(Reply(DhcpKind::kNak).add(54, {10, 0, 0, 2}), 1));
  EXPECT_FALSE(hears(Reply(DhcpKind::kAck).put(16, {10, 0, 0, 8}), 1)) << "another address";
  EXPECT_EQ(exchange_.state(), State::kRequesting);
  EXPECT_TRUE(hears(Reply(DhcpKind::kAck), 1));
}

TEST_F(DhcpExchangeTest, ARefusalBeginsAnewAfterAPause) {
  (void)said(0);
  (void)hears(Reply(DhcpKind::kOffer), 0);
  (void)said(0);
  EXPECT_FALSE(hears(Reply(DhcpKind::kNak), 5));
  EXPECT_EQ(exchange_.state(), State::kSelecting);
  EXPECT_FALSE(exchange_.advance(1000).has_value());
  const auto again = said(1005);
  EXPECT_EQ(again.question.kind, DhcpKind::kDiscover);
  EXPECT_NE(again.question.transaction, kTransaction);
}

TEST_F(DhcpExchangeTest, AnOfferThatComesToNothingIsForgotten) {
  (void)said(0);
  (void)hears(Reply(DhcpKind::kOffer), 0);
  std::uint64_t now = 0;
  for (int i = 0; i < 4; ++i, now = exchange_.due_ms()) {
    EXPECT_EQ(said(now).question.kind, DhcpKind::kRequest);
  }
  EXPECT_EQ(said(now).question.kind, DhcpKind::kDiscover);
}

TEST_F(DhcpExchangeTest, ALeaseIsRenewedOfItsServer) {
  bind();
  const std::uint64_t renew = exchange_.due_ms();
  const auto letter = said(renew);
  EXPECT_EQ(letter.question.kind, DhcpKind::kRequest);
  EXPECT_EQ(letter.question.own, (Ipv4Address{10, 0, 0, 7}));
  EXPECT_EQ(letter.question.wanted, Ipv4Address{});
  EXPECT_EQ(letter.to, (Ipv4Address{10, 0, 0, 1}));
  EXPECT_FALSE(hears(Reply(DhcpKind::kAck), renew)) << "an answer to the first question";
  EXPECT_TRUE(hears(Reply(DhcpKind::kAck, kTransaction + 1), renew + 5));
  EXPECT_EQ(exchange_.due_ms(), renew + 1800 * 1000);
}

TEST_F(DhcpExchangeTest, WhoIsNotRenewedAsksAllAndEndsInTime) {
  bind();
  constexpr std::uint64_t kLeased = 10;
  std::uint64_t now = exchange_.due_ms();
  std::uint64_t last_of_server = 0;
  std::uint64_t letters = 0;
  for (; exchange_.state() != State::kSelecting; now = exchange_.due_ms()) {
    const auto letter = said(now);
    ASSERT_LT(++letters, 100U);
    if (exchange_.state() == State::kRenewing) {
      last_of_server = now;
    } else if (exchange_.state() == State::kRebinding) {
      EXPECT_EQ(letter.to, (Ipv4Address{255, 255, 255, 255}));
      EXPECT_GE(now, kLeased + 3150 * 1000);
    } else {
      EXPECT_GE(now, kLeased + 3600 * 1000);
      EXPECT_LT(now, kLeased + 3601 * 1000);
      EXPECT_EQ(letter.question.kind, DhcpKind::kDiscover);
    }
  }
  EXPECT_LT(last_of_server, kLeased + 3150 * 1000);
}

TEST_F(DhcpExchangeTest, AnotherServerMayGoOnWithALeaseThatItsOwnDoesNot) {
  bind();
  (void)said(exchange_.due_ms());
  const Reply other = Reply(DhcpKind::kAck, kTransaction + 1).add(54, {10, 0, 0, 2});
  EXPECT_FALSE(hears(other, exchange_.due_ms()));
  for (unsigned letters = 0; exchange_.state() != State::kRebinding; ++letters) {
    ASSERT_LT(letters, 100U);
    (void)said(exchange_.due_ms());
  }
  EXPECT_TRUE(hears(other, exchange_.due_ms()));
  EXPECT_EQ(exchange_.lease().server, (Ipv4Address{10, 0, 0, 2}));
}

TEST_F(DhcpExchangeTest, ALeaseOfASecondIsNotAskedForWithoutEnd) {
  (void)said(0);
  (void)hears(Reply(DhcpKind::kOffer), 0);
  (void)said(0);
  EXPECT_TRUE(hears(Reply(DhcpKind::kAck).add(51, {0, 0, 0, 1}), 0));
  EXPECT_GE(exchange_.due_ms(), 1000U);
}

TEST_F(DhcpExchangeTest, ALeaseForeverIsNeverAskedForAgain) {
  (void)said(0);
  (void)hears(Reply(DhcpKind::kOffer), 0);
  (void)said(0);
  EXPECT_TRUE(hears(Reply(DhcpKind::kAck).add(51, {255, 255, 255, 255}), 0));
  EXPECT_EQ(exchange_.due_ms(), DhcpExchange::kNever);
}

}  // namespace
}  // namespace mayfly::init
