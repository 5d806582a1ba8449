// SPDX-License-Identifier: Apache-2.0
// What a hostile client may send a pool, and a pool a client: what is taken is a message, byte for byte.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "pool/messages.hpp"

namespace {

using namespace mayfly::pool;

template <typename Message>
bool is_packet(const Message& message, std::span<const std::byte> packet) {
  return packet.size() == sizeof(message) && std::memcmp(&message, packet.data(), sizeof(message)) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packet = std::as_bytes(std::span(data, size));
  if (const auto request = parse_request(packet)) {
    MAYFLY_ASSERT(is_packet(to_wire(*request), packet));
    if (request->has_value()) {
      MAYFLY_ASSERT((*request)->bytes > 0 && (*request)->bytes % (2 * mayfly::kMiB) == 0);
      MAYFLY_ASSERT(mayfly::name((*request)->pages) != "?");
    }
  }
  if (const auto answer = parse_answer(packet)) {
    MAYFLY_ASSERT(answer->refusal.size() < sizeof(WireAnswer));
    MAYFLY_ASSERT(std::ranges::all_of(answer->refusal, [](char c) { return c >= ' ' && c <= '~'; }));
    MAYFLY_ASSERT(answer->refusal.empty() == (answer->pages != mayfly::Pages::kAuto));
  }
  if (const auto status = parse_status(packet)) {
    MAYFLY_ASSERT(status->size() <= kShelvesMax);
    for (const ShelfStatus& shelf : *status) {
      MAYFLY_ASSERT(shelf.bytes > 0 && mayfly::name(static_cast<mayfly::Pages>(shelf.pages)) != "?");
    }
  }
  return 0;
}
