// SPDX-License-Identifier: Apache-2.0
#include "pool/client.hpp"

#include <utility>

#include <sched.h>

#include "base/error.hpp"

namespace mayfly::pool {
namespace {

std::optional<std::uint32_t> own_node() noexcept {
  unsigned cpu = 0;
  unsigned node = 0;
  return ::getcpu(&cpu, &node) == 0 && node < kNodesMax ? std::optional(node) : std::nullopt;
}

[[noreturn]] void throw_fault(const std::string& path, MessageFault fault) {
  throw_refusal(path, kServer, "it says " + std::string(describe(fault)));
}

}  // namespace

LentMemory take_memory(const std::string& path, std::uint64_t bytes, Pages pages, const lease::Wait& wait) {
  const WireRequest request = to_wire(MemoryRequest{bytes, pages, own_node()});
  lease::Asked asked =
      lease::ask(path, kServer, std::as_bytes(std::span(&request, 1)), sizeof(WireAnswer), 1, wait);
  const auto answer = parse_answer(asked.answer.bytes);
  if (!answer.has_value()) {
    throw_fault(path, answer.error());
  }
  if (!answer->refusal.empty()) {
    throw_refusal(path, kServer, answer->refusal);
  }
  if (asked.answer.files.size() != 1) {
    throw_refusal(path, kServer,
                  "it gave " + std::to_string(asked.answer.files.size()) + " descriptors, not one");
  }
  if (pages != Pages::kAuto && answer->pages != pages) {
    throw_refusal(path, kServer, "it gave " + std::string(name(answer->pages)) + " pages");
  }
  return {std::move(asked.connection), std::move(asked.answer.files.front()), answer->pages};
}

std::vector<ShelfStatus> ask_status(const std::string& path) {
  const WireRequest request = to_wire(Request());
  const lease::Asked asked = lease::ask(path, kServer, std::as_bytes(std::span(&request, 1)),
                                        sizeof(WireStatus), 0, lease::wait_a_minute);
  auto status = parse_status(asked.answer.bytes);
  if (!status.has_value()) {
    // A refusal is a packet of another size.
    const auto answer = parse_answer(asked.answer.bytes);
    if (answer.has_value() && !answer->refusal.empty()) {
      throw_refusal(path, kServer, answer->refusal);
    }
    throw_fault(path, status.error());
  }
  return *std::move(status);
}

}  // namespace mayfly::pool
