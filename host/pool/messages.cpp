// SPDX-License-Identifier: Apache-2.0
#include "pool/messages.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace mayfly::pool {
namespace {

bool is_node(std::uint32_t node) noexcept { return node < kNodesMax || node == WireRequest::kNoNode; }

/// Of memory that a pool may keep or be asked for: large pages, and no more than an address space.
bool is_size(std::uint64_t bytes) noexcept {
  return bytes != 0 && bytes % (2 * kMiB) == 0 && bytes <= 64 * kTiB;
}

}  // namespace

std::string_view describe(MessageFault fault) noexcept {
  switch (fault) {
    case MessageFault::kWrongSize:
      return "a message of another size";
    case MessageFault::kWrongMagic:
      return "no message of a mayfly";
    case MessageFault::kWrongVersion:
      return "a message of another version of mayfly";
    case MessageFault::kWrongKind:
      return "a request of an unknown kind";
    case MessageFault::kWrongMemory:
      return "a request for memory that there cannot be";
    case MessageFault::kWrongVerdict:
      return "neither a grant nor a refusal";
    case MessageFault::kWrongStatus:
      return "no status";
  }
  return "an unknown fault";
}

WireRequest to_wire(const Request& request) noexcept {
  WireRequest wire;
  if (request.has_value()) {
    wire.kind = WireRequest::kMemory;
    wire.pages = static_cast<std::uint32_t>(request->pages);
    wire.bytes = request->bytes;
    wire.near_node = request->near_node.value_or(WireRequest::kNoNode);
  }
  return wire;
}

WireAnswer to_wire(const Answer& answer) noexcept {
  WireAnswer wire;
  if (answer.refusal.empty()) {
    wire.verdict = WireAnswer::kGranted;
    wire.pages = static_cast<std::uint32_t>(answer.pages);
  } else {
    wire.reason = lease::to_wire(answer.refusal);
  }
  return wire;
}

WireStatus to_wire(std::span<const ShelfStatus> shelves) noexcept {
  MAYFLY_ASSERT(shelves.size() <= kShelvesMax);
  WireStatus wire;
  wire.count = static_cast<std::uint32_t>(shelves.size());
  std::ranges::copy(shelves, wire.shelves.begin());
  return wire;
}

Result<Request, MessageFault> parse_request(std::span<const std::byte> packet) noexcept {
  const auto read = lease::read_message<WireRequest, MessageFault>(packet);
  if (!read.has_value()) {
    return unexpected(read.error());
  }
  const WireRequest& wire = *read;
  if (wire.kind == WireRequest::kStatus) {
    if (wire.pages != 0 || wire.bytes != 0 || wire.near_node != 0 || wire.zero != 0) {
      return unexpected(MessageFault::kWrongKind);
    }
    return Request();
  }
  if (wire.kind != WireRequest::kMemory) {
    return unexpected(MessageFault::kWrongKind);
  }
  if (!is_size(wire.bytes) || !pages_of(wire.pages).has_value() || !is_node(wire.near_node) ||
      wire.zero != 0) {
    return unexpected(MessageFault::kWrongMemory);
  }
  MemoryRequest memory{wire.bytes, static_cast<Pages>(wire.pages), {}};
  if (wire.near_node != WireRequest::kNoNode) {
    memory.near_node = wire.near_node;
  }
  return Request(memory);
}

Result<Answer, MessageFault> parse_answer(std::span<const std::byte> packet) {
  const auto read = lease::read_message<WireAnswer, MessageFault>(packet);
  if (!read.has_value()) {
    return unexpected(read.error());
  }
  const WireAnswer& wire = *read;
  if (wire.verdict == WireAnswer::kGranted && wire.pages != 0 && pages_of(wire.pages).has_value()) {
    return Answer{"", static_cast<Pages>(wire.pages)};
  }
  auto reason = lease::read_reason(wire.reason);
  if (wire.verdict != WireAnswer::kRefused || wire.pages != 0 || !reason.has_value()) {
    return unexpected(MessageFault::kWrongVerdict);
  }
  return Answer{*std::move(reason)};
}

Result<std::vector<ShelfStatus>, MessageFault> parse_status(std::span<const std::byte> packet) {
  const auto read = lease::read_message<WireStatus, MessageFault>(packet);
  if (!read.has_value()) {
    return unexpected(read.error());
  }
  const WireStatus& wire = *read;
  if (wire.verdict != WireStatus::kStatus || wire.count > kShelvesMax) {
    return unexpected(MessageFault::kWrongStatus);
  }
  const auto shelves = std::span(wire.shelves).first(wire.count);
  for (const ShelfStatus& shelf : shelves) {
    if (!is_size(shelf.bytes) || shelf.pages == 0 || !pages_of(shelf.pages).has_value() ||
        !is_node(shelf.node)) {
      return unexpected(MessageFault::kWrongStatus);
    }
  }
  return std::vector<ShelfStatus>(shelves.begin(), shelves.end());
}

}  // namespace mayfly::pool
