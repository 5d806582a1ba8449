// SPDX-License-Identifier: Apache-2.0
#include "guest-init/output_stream.hpp"

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

using State = OutputStream::State;

TEST(OutputStream, SendsAsMuchAsTheHostHasGranted) {
  OutputStream stream;
  EXPECT_EQ(stream.allowance(), protocol::kInitialCredit);
  stream.sent(protocol::kInitialCredit);
  EXPECT_EQ(stream.allowance(), 0U);
  EXPECT_TRUE(stream.grant(5));
  EXPECT_EQ(stream.allowance(), 5U);
}

TEST(OutputStream, RefusesCreditBeyondAllBounds) {
  OutputStream stream;
  EXPECT_TRUE(stream.grant(0xFFFFFFFF - protocol::kInitialCredit));
  EXPECT_FALSE(stream.grant(1));
}

TEST(OutputStream, SendsNoMoreThanItIsLimitedTo) {
  OutputStream stream;
  stream.sent(10);
  EXPECT_FALSE(stream.is_complete());
  stream.limit(7);
  EXPECT_EQ(stream.allowance(), 7U);
  stream.sent(7);
  EXPECT_TRUE(stream.is_complete());
  EXPECT_EQ(stream.allowance(), 0U);
}

TEST(OutputStream, SendsNothingOnceItEnds) {
  OutputStream stream;
  stream.end();
  EXPECT_EQ(stream.state(), State::kEnding);
  EXPECT_EQ(stream.allowance(), 0U);
  stream.close_sent();
  EXPECT_EQ(stream.state(), State::kEnded);
  stream.end();
  EXPECT_EQ(stream.state(), State::kEnded);
}

}  // namespace
}  // namespace mayfly::init
