// SPDX-License-Identifier: Apache-2.0
#include "guest-init/input_stream.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

using State = InputStream::State;
using Bytes = std::vector<std::byte>;

class InputStreamTest : public testing::Test {
 protected:
  /// Takes all that is there, in pieces of at most `most`.
  Bytes take_all(std::size_t most = protocol::kInitialCredit) {
    Bytes taken;
    while (!stream_->front().empty()) {
      const auto piece = stream_->front().first(std::min(most, stream_->front().size()));
      taken.insert(taken.end(), piece.begin(), piece.end());
      stream_->taken(piece.size());
    }
    return taken;
  }

  std::unique_ptr<InputStream> stream_ = std::make_unique<InputStream>();
};

TEST_F(InputStreamTest, HoldsAllThatCreditAllowsAndNoByteMore) {
  EXPECT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit, std::byte{7})));
  EXPECT_FALSE(stream_->receive(Bytes(1)));
  EXPECT_EQ(take_all(), Bytes(protocol::kInitialCredit, std::byte{7}));
}

TEST_F(InputStreamTest, TakenBytesAreCreditAgainOnceItIsGiven) {
  ASSERT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit)));
  take_all();
  EXPECT_FALSE(stream_->receive(Bytes(1)));
  EXPECT_EQ(stream_->credit_due(), protocol::kInitialCredit);
  stream_->credit_given();
  EXPECT_EQ(stream_->credit_due(), 0U);
  EXPECT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit)));
}

TEST_F(InputStreamTest, SmallCreditWaitsUntilItIsWorthAFrame) {
  ASSERT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit)));
  stream_->taken(protocol::kInitialCredit / 4 - 1);
  EXPECT_EQ(stream_->credit_due(), 0U);
  stream_->taken(1);
  EXPECT_EQ(stream_->credit_due(), protocol::kInitialCredit / 4);
}

TEST_F(InputStreamTest, BytesKeepTheirOrderRoundTheRing) {
  std::uint32_t state = 1;
  const auto random = [&state] { return (state = state * 1103515245U + 12345U) >> 8U; };
  Bytes sent;
  Bytes taken;
  while (sent.size() < std::size_t{4} * protocol::kInitialCredit) {
    Bytes piece(random() % protocol::kDataBytesMax + 1);
    std::generate(piece.begin(), piece.end(), [&] { return static_cast<std::byte>(random()); });
    ASSERT_TRUE(stream_->receive(piece));
    sent.insert(sent.end(), piece.begin(), piece.end());
    for (int i = 0; i < 2 && !stream_->front().empty(); ++i) {
      const auto front = stream_->front().first(std::min<std::size_t>(stream_->front().size(), 20'000));
      taken.insert(taken.end(), front.begin(), front.end());
      stream_->taken(front.size());
    }
    if (stream_->credit_due() != 0) {
      stream_->credit_given();
    }
  }
  const Bytes rest = take_all(1000);
  taken.insert(taken.end(), rest.begin(), rest.end());
  EXPECT_TRUE(taken == sent);
}

TEST_F(InputStreamTest, CloseByTheHostEndsTheStreamAfterItsLastByte) {
  ASSERT_TRUE(stream_->receive(Bytes(10, std::byte{'x'})));
  EXPECT_TRUE(stream_->close_by_host());
  EXPECT_EQ(stream_->state(), State::kEnding);
  take_all();
  EXPECT_EQ(stream_->state(), State::kEnded);
  EXPECT_EQ(stream_->last_taken(), 'x');
}

TEST_F(InputStreamTest, CloseOfAnEmptyStreamEndsItAtOnce) {
  EXPECT_TRUE(stream_->close_by_host());
  EXPECT_EQ(stream_->state(), State::kEnded);
  EXPECT_EQ(stream_->last_taken(), '\n');
}

TEST_F(InputStreamTest, NothingMayComeAfterTheClose) {
  ASSERT_TRUE(stream_->close_by_host());
  EXPECT_FALSE(stream_->receive(Bytes(1)));
  EXPECT_FALSE(stream_->close_by_host());
}

TEST_F(InputStreamTest, NoCreditIsGivenOnceTheHostHasClosed) {
  ASSERT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit)));
  ASSERT_TRUE(stream_->close_by_host());
  stream_->taken(protocol::kInitialCredit / 2);
  EXPECT_EQ(stream_->credit_due(), 0U);
}

TEST_F(InputStreamTest, WithoutReaderDataIsDroppedButStillCounted) {
  ASSERT_TRUE(stream_->receive(Bytes(10)));
  stream_->drop();
  EXPECT_EQ(stream_->state(), State::kEnded);
  EXPECT_TRUE(stream_->front().empty());
  EXPECT_TRUE(stream_->receive(Bytes(protocol::kInitialCredit - 10)));
  EXPECT_TRUE(stream_->front().empty());
  EXPECT_FALSE(stream_->receive(Bytes(1)));
  EXPECT_TRUE(stream_->close_by_host());
}

}  // namespace
}  // namespace mayfly::init
