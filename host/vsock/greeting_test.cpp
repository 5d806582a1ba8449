// SPDX-License-Identifier: Apache-2.0
#include "vsock/greeting.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace mayfly::vsock {
namespace {

using State = Greeting::State;

std::size_t take(Greeting& greeting, std::string_view text) {
  return greeting.take(std::as_bytes(std::span(text)));
}

TEST(Greeting, NamesAPort) {
  Greeting greeting;
  EXPECT_EQ(take(greeting, "CONNECT 52\n"), 11U);
  EXPECT_EQ(greeting.state(), State::kWhole);
  EXPECT_EQ(greeting.port(), 52U);
}

TEST(Greeting, MayComeInPieces) {
  Greeting greeting;
  for (const char character : std::string("CONNECT 4294967295")) {
    EXPECT_EQ(take(greeting, {&character, 1}), 1U);
    EXPECT_EQ(greeting.state(), State::kMore);
  }
  EXPECT_EQ(greeting.room(), 1U);
  (void)take(greeting, "\n");
  EXPECT_EQ(greeting.state(), State::kWhole);
  EXPECT_EQ(greeting.port(), 0xffff'ffffU);
}

TEST(Greeting, LeavesWhatFollowsToTheGuest) {
  Greeting greeting;
  EXPECT_EQ(take(greeting, "CONNECT 1\nhello\n"), 10U);
  EXPECT_EQ(greeting.port(), 1U);
  EXPECT_EQ(take(greeting, "more"), 0U);
}

TEST(Greeting, IsNothingElse) {
  for (const std::string_view line :
       {"\n", "CONNECT\n", "CONNECT \n", "CONNECT x\n", "CONNECT -1\n", "CONNECT +1\n", "CONNECT 1 \n",
        "CONNECT  1\n", "CONNECT 0x1\n", "CONNECT 4294967296\n", "connect 1\n", "GET / HTTP\n", "OK 1\n"}) {
    Greeting greeting;
    (void)take(greeting, line);
    EXPECT_EQ(greeting.state(), State::kWrong) << line;
  }
}

TEST(Greeting, IsWrongAsSoonAsItIsTooLong) {
  Greeting greeting;
  (void)take(greeting, "CONNECT 00000000000000000000000000000");
  EXPECT_EQ(greeting.state(), State::kWrong);
}

TEST(Greeting, IsAnsweredWithTheHostsPort) { EXPECT_EQ(welcome(1073741824), "OK 1073741824\n"); }

}  // namespace
}  // namespace mayfly::vsock
