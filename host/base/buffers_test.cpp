// SPDX-License-Identifier: Apache-2.0
#include "base/buffers.hpp"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace mayfly {
namespace {

/// "ab", nothing, "cdefg".
class BuffersTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string copied_from(std::uint64_t at, std::size_t room) const {
    std::string to(room, '.');
    copy_from(buffers_, at, std::as_writable_bytes(std::span(to)));
    return to;
  }
  std::string copied_to(std::uint64_t at, std::string_view from) {
    copy_to(buffers_, at, std::as_bytes(std::span(from)));
    return first_ + second_;
  }

  std::string first_ = "ab";
  std::string second_ = "cdefg";
  std::array<iovec, 3> buffers_{{{first_.data(), 2}, {nullptr, 0}, {second_.data(), 5}}};
};

TEST_F(BuffersTest, HaveTheBytesOfAll) {
  EXPECT_EQ(total_bytes(buffers_), 7U);
  EXPECT_EQ(total_bytes({}), 0U);
}

TEST_F(BuffersTest, AreCopiedFromAsFarAsBothGo) {
  EXPECT_EQ(copied_from(0, 7), "abcdefg");
  EXPECT_EQ(copied_from(1, 3), "bcd");
  EXPECT_EQ(copied_from(2, 1), "c");
  EXPECT_EQ(copied_from(5, 4), "fg..");
  EXPECT_EQ(copied_from(7, 2), "..");
  EXPECT_EQ(copied_from(0, 0), "");
}

TEST_F(BuffersTest, AreCopiedToAsFarAsBothGo) {
  EXPECT_EQ(copied_to(1, "XYZ"), "aXYZefg");
  EXPECT_EQ(copied_to(6, "123"), "aXYZef1");
  EXPECT_EQ(copied_to(7, "4"), "aXYZef1");
  EXPECT_EQ(copied_to(0, ""), "aXYZef1");
}

}  // namespace
}  // namespace mayfly
