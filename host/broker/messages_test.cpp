// SPDX-License-Identifier: Apache-2.0
#include "broker/messages.hpp"

#include <gtest/gtest.h>

namespace mayfly::broker {
namespace {

using vfio::BackendChoice;
using vfio::PciAddress;

constexpr MemoryWanted kMemory{1ULL << 30U, Pages::k2m};

constexpr std::array kTwo{PciAddress{0, 1, 0, 0}, PciAddress{0x10000, 0xe1, 0x1f, 7}};

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

MessageFault fault_of(const WireRequest& wire) { return parse_request(bytes_of(wire)).error(); }

TEST(BrokerMessages, RequestArrivesAsItWasSent) {
  const auto request = parse_request(bytes_of(to_wire(Request(kTwo, kMemory))));
  ASSERT_TRUE(request.has_value());
  EXPECT_TRUE(std::ranges::equal(request->addresses(), kTwo));
  EXPECT_EQ(request->memory(), kMemory);
}

TEST(BrokerMessages, RequestOfAnotherSizeMagicOrVersionIsRefused) {
  WireRequest wire = to_wire(Request(kTwo, kMemory));
  EXPECT_EQ(parse_request({}).error(), MessageFault::kWrongSize);
  EXPECT_EQ(parse_request(bytes_of(wire).first(sizeof(wire) - 1)).error(), MessageFault::kWrongSize);
  EXPECT_EQ(parse_request(bytes_of(WireAnswer{})).error(), MessageFault::kWrongSize);
  wire.version = kVersion + 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongVersion);
  wire.magic = 0;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMagic);
}

TEST(BrokerMessages, RequestForNoneOrTooManyIsRefused) {
  WireRequest wire = to_wire(Request(kTwo, kMemory));
  for (const std::uint32_t count : {0U, 17U, ~0U}) {
    wire.count = count;
    EXPECT_EQ(fault_of(wire), MessageFault::kWrongCount) << count;
  }
}

TEST(BrokerMessages, RequestForNoMemoryOrUnknownPagesIsRefused) {
  WireRequest wire = to_wire(Request(kTwo, kMemory));
  wire.pages = 5;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory);
  wire.pages = 4;
  EXPECT_EQ(parse_request(bytes_of(wire))->memory().pages, Pages::k1g);
  wire.memory_bytes = 0;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory);
}

TEST(BrokerMessages, MalformedAddressesAreRefused) {
  const WireRequest good = to_wire(Request(kTwo, kMemory));
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
    for (const std::optional<Pages> pages : {std::optional<Pages>(), std::optional(Pages::k1g)}) {
      const std::uint32_t ioas = interface == BackendChoice::kIommufd && pages.has_value() ? 7 : 0;
      const auto answer = parse_answer(bytes_of(to_wire(Answer{"", interface, ioas, pages})));
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->refusal, "");
      EXPECT_EQ(answer->interface, interface);
      EXPECT_EQ(answer->ioas, ioas);
      EXPECT_EQ(answer->pages, pages);
    }
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
  wire = to_wire(Answer{"no"});
  for (std::uint32_t* const granted : {&wire.interface, &wire.ioas, &wire.pages}) {
    *granted = 1;
    EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
    *granted = 0;
  }
  wire = to_wire(Answer{});
  wire.ioas = 1;  // of a container
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  wire = to_wire(Answer{});
  wire.pages = 5;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  wire = to_wire(Answer{});
  wire.interface = 3;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  wire.verdict = 7;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
}

}  // namespace
}  // namespace mayfly::broker
