// SPDX-License-Identifier: Apache-2.0
#include "lease/message.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace mayfly::lease {
namespace {

enum class Fault : std::uint8_t { kWrongSize, kWrongMagic, kWrongVersion };

struct Message {
  std::uint32_t magic = 7;
  std::uint32_t version = 3;
  std::uint64_t value = 0;
};

std::span<const std::byte> bytes_of(const Message& message) { return std::as_bytes(std::span(&message, 1)); }

TEST(LeaseMessage, OneOfItsSizeMagicAndVersionIsRead) {
  const Message sent{.value = 9};
  const auto read = read_message<Message, Fault>(bytes_of(sent));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->value, 9U);
}

TEST(LeaseMessage, OthersAreFaults) {
  const auto fault_of = [](std::span<const std::byte> packet) {
    return read_message<Message, Fault>(packet).error();
  };
  EXPECT_EQ(fault_of(bytes_of({}).first(15)), Fault::kWrongSize);
  EXPECT_EQ(fault_of(bytes_of({.magic = 8})), Fault::kWrongMagic);
  EXPECT_EQ(fault_of(bytes_of({.version = 4})), Fault::kWrongVersion);
}

TEST(LeaseMessage, ReasonArrivesCutAndPrintable) {
  EXPECT_EQ(read_reason(to_wire(std::string("a\x1b[2Jb\xff"))), "a?[2Jb?");
  EXPECT_EQ(read_reason(to_wire(std::string(1000, 'x')))->size(), WireReason{}.size() - 1);
}

TEST(LeaseMessage, NoReasonAndOneWithoutEndAreNone) {
  WireReason reason{};
  EXPECT_EQ(read_reason(reason), std::nullopt);
  reason.fill('x');
  EXPECT_EQ(read_reason(reason), std::nullopt);
}

}  // namespace
}  // namespace mayfly::lease
