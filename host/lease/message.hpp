// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "base/printable.hpp"
#include "base/result.hpp"

namespace mayfly::lease {

// What a client and a server on one host say to each other over a Unix socket of type SOCK_SEQPACKET: one
// request, one answer, each one packet of fixed size in the host's byte order, which begins with a magic
// number and a version; with an answer that grants come descriptors (SCM_RIGHTS). The connection is the
// lease: it ends with it.

/// Why nothing was granted: a sentence, then zeros, at least one.
using WireReason = std::array<char, 496>;

/// The message that the packet is, if its size, magic and version are those of a Message; Fault has a value
/// for each.
template <typename Message, typename Fault>
[[nodiscard]] Result<Message, Fault> read_message(std::span<const std::byte> packet) noexcept {
  Message message;
  const auto magic = message.magic;
  const auto version = message.version;
  if (packet.size() != sizeof(Message)) {
    return unexpected(Fault::kWrongSize);
  }
  std::memcpy(&message, packet.data(), sizeof(Message));
  if (message.magic != magic) {
    return unexpected(Fault::kWrongMagic);
  }
  if (message.version != version) {
    return unexpected(Fault::kWrongVersion);
  }
  return message;
}

/// Too long a sentence is cut.
[[nodiscard]] inline WireReason to_wire(const std::string& sentence) noexcept {
  WireReason reason{};
  sentence.copy(reason.data(), reason.size() - 1);
  return reason;
}

/// The sentence, in which what is no printable ASCII comes as '?'; nothing where there is none, or no end to
/// it.
[[nodiscard]] inline std::optional<std::string> read_reason(const WireReason& reason) {
  const auto* const end = std::ranges::find(reason, '\0');
  if (end == reason.begin() || end == reason.end()) {
    return std::nullopt;
  }
  return as_printable({reason.begin(), end});
}

}  // namespace mayfly::lease
