// SPDX-License-Identifier: Apache-2.0
// What a hostile client may send a broker, and a broker a client: what is taken is a message, byte for byte.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"
#include "broker/messages.hpp"

namespace {

using namespace mayfly::broker;

template <typename Message>
bool is_packet(const Message& message, std::span<const std::byte> packet) {
  return packet.size() == sizeof(message) && std::memcmp(&message, packet.data(), sizeof(message)) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packet = std::as_bytes(std::span(data, size));
  if (const auto request = parse_request(packet)) {
    MAYFLY_ASSERT(!request->addresses().empty() && request->memory().bytes != 0);
    MAYFLY_ASSERT(is_packet(to_wire(*request), packet));
    for (const mayfly::vfio::PciAddress& address : request->addresses()) {
      MAYFLY_ASSERT(mayfly::vfio::parse_pci_address(to_string(address)) == address);
    }
  }
  if (const auto answer = parse_answer(packet)) {
    MAYFLY_ASSERT(answer->refusal.size() < sizeof(WireAnswer));
    // Nothing comes with a refusal; a container needs no number of an address space.
    MAYFLY_ASSERT(answer->refusal.empty() || (answer->ioas == 0 && !answer->pages.has_value()));
    MAYFLY_ASSERT(answer->interface == mayfly::vfio::BackendChoice::kIommufd || answer->ioas == 0);
    MAYFLY_ASSERT(std::ranges::all_of(answer->refusal, [](char c) { return c >= ' ' && c <= '~'; }));
  }
  return 0;
}
