// SPDX-License-Identifier: Apache-2.0
#include "pool/messages.hpp"

#include <gtest/gtest.h>

#include "base/checked.hpp"

namespace mayfly::pool {
namespace {

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

MessageFault fault_of(const WireRequest& wire) { return parse_request(bytes_of(wire)).error(); }
MessageFault fault_of(const WireStatus& wire) { return parse_status(bytes_of(wire)).error(); }

const MemoryRequest kMemory{2 * kGiB, Pages::k2m, 1};

TEST(PoolMessages, RequestArrivesAsItWasSent) {
  const auto request = parse_request(bytes_of(to_wire(kMemory)));
  ASSERT_TRUE(request.has_value() && request->has_value());
  EXPECT_EQ((*request)->bytes, 2 * kGiB);
  EXPECT_EQ((*request)->pages, Pages::k2m);
  EXPECT_EQ((*request)->near_node, 1U);
  EXPECT_EQ((*parse_request(bytes_of(to_wire(MemoryRequest{kGiB}))))->near_node, std::nullopt);
  const auto status = parse_request(bytes_of(to_wire(Request())));
  ASSERT_TRUE(status.has_value());
  EXPECT_FALSE(status->has_value());
}

TEST(PoolMessages, RequestOfAnotherSizeMagicVersionOrKindIsRefused) {
  WireRequest wire = to_wire(kMemory);
  EXPECT_EQ(parse_request({}).error(), MessageFault::kWrongSize);
  EXPECT_EQ(parse_request(bytes_of(wire).first(31)).error(), MessageFault::kWrongSize);
  wire.kind = 0;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongKind);
  wire.kind = 3;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongKind);
  wire.version = 2;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongVersion);
  wire.magic = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMagic);
}

TEST(PoolMessages, RequestForMemoryThatThereCannotBeIsRefused) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{kMiB}, std::uint64_t{2 * kMiB + 1},
                                    std::uint64_t{64 * kTiB + 2 * kMiB}, ~std::uint64_t{0}}) {
    WireRequest wire = to_wire(kMemory);
    wire.bytes = bytes;
    EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory) << bytes;
  }
  WireRequest wire = to_wire(kMemory);
  wire.pages = 5;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory);
  wire = to_wire(kMemory);
  wire.near_node = kNodesMax;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory);
  wire = to_wire(kMemory);
  wire.zero = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongMemory);
}

TEST(PoolMessages, RequestForTheStatusHasNothingElse) {
  for (std::uint32_t WireRequest::*field :
       {&WireRequest::pages, &WireRequest::near_node, &WireRequest::zero}) {
    WireRequest wire;
    wire.*field = 1;
    EXPECT_EQ(fault_of(wire), MessageFault::kWrongKind);
  }
}

TEST(PoolMessages, GrantAndRefusalArriveAsTheyWereSent) {
  EXPECT_EQ(parse_answer(bytes_of(to_wire(Answer{"", Pages::k1g})))->pages, Pages::k1g);
  EXPECT_EQ(parse_answer(bytes_of(to_wire(Answer{"none left"})))->refusal, "none left");
}

TEST(PoolMessages, AnswerThatIsNeitherIsRefused) {
  WireAnswer wire;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  wire = to_wire(Answer{"no"});
  wire.pages = 1;
  EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  for (const std::uint32_t pages : {0U, 5U}) {
    wire = to_wire(Answer{"", Pages::k2m});
    wire.pages = pages;
    EXPECT_EQ(parse_answer(bytes_of(wire)).error(), MessageFault::kWrongVerdict);
  }
}

TEST(PoolMessages, StatusArrivesAsItWasSent) {
  const ShelfStatus shelf{.bytes = kGiB, .pages = 3, .node = 0, .ready = 7, .handed_out = 9};
  const auto status = parse_status(bytes_of(to_wire(std::array{shelf, shelf})));
  ASSERT_TRUE(status.has_value());
  ASSERT_EQ(status->size(), 2U);
  EXPECT_EQ((*status)[1].ready, 7U);
  EXPECT_EQ((*status)[1].handed_out, 9U);
}

TEST(PoolMessages, StatusThatIsNoneIsRefused) {
  const ShelfStatus shelf{.bytes = kGiB, .pages = 3, .node = 0};
  const WireStatus good = to_wire(std::array{shelf});
  WireStatus wire = good;
  wire.count = kShelvesMax + 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongStatus);
  wire = good;
  wire.verdict = WireAnswer::kGranted;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongStatus);
  wire = good;
  wire.shelves[0].bytes = 1;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongStatus);
  wire = good;
  wire.shelves[0].pages = 0;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongStatus);
  wire = good;
  wire.shelves[0].node = kNodesMax;
  EXPECT_EQ(fault_of(wire), MessageFault::kWrongStatus);
}

}  // namespace
}  // namespace mayfly::pool
