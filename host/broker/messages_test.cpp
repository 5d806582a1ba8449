// SPDX-License-Identifier: Apache-2.0
#include "broker/messages.hpp"

#include <gtest/gtest.h>

namespace mayfly::broker {
namespace {

using vfio::BackendChoice;
using vfio::PciAddress;

constexpr std::array kTwo{PciAddress{0, 1, 0, 0}, PciAddress{0x10000, 0xe1, 0x1f, 7}};

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

MessageFault fault_of(const WireRequest& wire) { return parse_request(bytes_of(wire)).error(); }

TEST(BrokerMessages, RequestArrivesAsItWasSent) {
  const auto request = parse_request(bytes_of(to_wire(Request(kTwo))));
  ASSERT_TRUE(request.has_value());
  EXPECT_TRUE(std::ranges::equal(request->addresses(), kTwo));
}

TEST(BrokerMessages, RequestOfAnotherSizeMagicOrVersionIsRefused) {
  WireRequest wire = to_wire(Request(kTwo));
  EXPECT_EQ(parse_request({}).error(), MessageFault::kWrongSize);
  EXPECT_EQ(parse_request(bytes_of(wire).first(sizeof(wire) - 1)).error(), MessageFault::kWrongSize);
  EXPECT_EQ(parse_request(bytes_of(WireAnswer{})).error(), MessageFault::kWrongSize);
  wire.version = kVersion + 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongVersion);
  wire.magic = 0;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMagic);
}

TEST(BrokerMessages, RequestForNoneOrTooManyIsRefused) {
  WireRequest wire = to_wire(Request(kTwo));
  for (const std::uint32_t count : {0U, 17U, ~0U}) {
    wire.count = count;
    EXPECT_EQ(fault_of(wire), MessageFault::kWrongCount) << count;
  }
  wire.count = 2;
  wire.zero = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongCount);
}

TEST(BrokerMessages, MalformedAddressesAreRefused) {
  const WireRequest good = to_wire(Request(kTwo));
  WireRequest wire = good;
  wire.devices[1].device = 32;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongAddress);
  wire = good;
  wire.devices[1].function = 8;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongAddress);
  wire = good;
  wire.devices[0].zero = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongAddress);
  wire = good;
  wire.devices[1] = wire.devices[0];
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongAddress);
  wire = good;
  wire.devices[15].bus = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongAddress);
}

TEST(BrokerMessages, GrantArrivesAsItWasSent) {
  for (const BackendChoice interface : {BackendChoice::kType1, BackendChoice::kIommufd}) {
    const auto answer = parse_answer(bytes_of(to_wire(Answer{"", interface})));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->refusal, "");
    EXPECT_EQ(answer->interface, interface);
  }
}

TEST(BrokerMessages, RefusalIsCutAndPrintable) {
  const auto answer = parse_answer(bytes_of(to_wire(Answer{"a\x1b[2Jb"})));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->refusal, "a?[2Jb");
  EXPECT_EQ(parse_answer(bytes_of(to_wire(Answer{std::string(1000, 'x')})))->refusal.size(), 495U);
}

TEST(BrokerMessages, AnswerThatIsNeitherIsRefused) {
  WireAnswer wire;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);  // refused without a reason
  wire.reason.fill('x');
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);  // a reason without an end
  wire = to_wire(Answer{});
  wire.interface = 3;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  wire.verdict = 7;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
}

}  // namespace
}  // namespace mayfly::broker
