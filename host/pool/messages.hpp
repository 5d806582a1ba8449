// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "lease/message.hpp"
#include "lease/socket.hpp"
#include "memory/backing.hpp"
#include "memory/nodes.hpp"

namespace mayfly::pool {

// What a client and a pool say to each other, by the rules of lease/message.hpp. With an answer that grants
// comes one descriptor: a memfd.

inline constexpr lease::ServerName kServer{"pool", "mayfly pool"};
inline constexpr std::uint32_t kMagic = 0x3150464d;  ///< "MFP1"
inline constexpr std::uint32_t kVersion = 1;
/// Kinds of memory that a pool keeps.
inline constexpr std::size_t kShelvesMax = 16;

struct WireRequest {
  static constexpr std::uint32_t kMemory = 1;
  static constexpr std::uint32_t kStatus = 2;
  static constexpr std::uint32_t kNoNode = ~0U;
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t kind = kStatus;
  /// Of enum Pages; 0, as all that follows, in a request for the status.
  std::uint32_t pages = 0;
  std::uint64_t bytes = 0;
  std::uint32_t near_node = 0;
  std::uint32_t zero = 0;
};
static_assert(sizeof(WireRequest) == 32);

struct WireAnswer {
  static constexpr std::uint32_t kGranted = 1;
  static constexpr std::uint32_t kRefused = 2;
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t verdict = kRefused;
  /// Of enum Pages, never kAuto; 0 when refused.
  std::uint32_t pages = 0;
  lease::WireReason reason{};
};
static_assert(sizeof(WireAnswer) == 512);

/// What a pool keeps of one kind, and has done. Sent as it is.
struct ShelfStatus {
  std::uint64_t bytes = 0;
  std::uint32_t pages = 0;
  std::uint32_t node = WireRequest::kNoNode;
  /// Pieces of memory: ready; lent; being filled or given back.
  std::uint32_t ready = 0;
  std::uint32_t lent = 0;
  std::uint32_t on_the_way = 0;
  /// What the pool was told to keep ready, and to have at most.
  std::uint32_t count = 0;
  std::uint32_t most = 0;
  /// Clients that wait now, for this kind first of all.
  std::uint32_t waiting = 0;
  /// Since the pool started: pieces that were filled, that were lent, that were lent to somebody who had to
  /// wait.
  std::uint64_t filled = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t handed_out_late = 0;
};
static_assert(sizeof(ShelfStatus) == 64);

struct WireStatus {
  static constexpr std::uint32_t kStatus = 3;
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t verdict = kStatus;
  std::uint32_t count = 0;
  /// Those from `count` on are as new.
  std::array<ShelfStatus, kShelvesMax> shelves{};
};
static_assert(sizeof(WireStatus) == 16 + 16 * 64);

/// Memory that a client asks for.
struct MemoryRequest {
  std::uint64_t bytes = 0;
  /// kAuto: any.
  Pages pages = Pages::kAuto;
  /// From where it is best, a NUMA node.
  std::optional<std::uint32_t> near_node{};
};
/// Nothing: the status is asked for.
using Request = std::optional<MemoryRequest>;

/// What a pool says to one who wants memory.
struct Answer {
  /// Nothing was granted where this is not empty.
  std::string refusal{};
  Pages pages = Pages::kAuto;
};

/// Why a packet is no message.
enum class MessageFault : std::uint8_t {
  kWrongSize,
  kWrongMagic,
  kWrongVersion,
  kWrongKind,
  kWrongMemory,
  kWrongVerdict,
  kWrongStatus,
};
[[nodiscard]] std::string_view describe(MessageFault fault) noexcept;

[[nodiscard]] WireRequest to_wire(const Request& request) noexcept;
/// A refusal that is too long is cut.
[[nodiscard]] WireAnswer to_wire(const Answer& answer) noexcept;
/// At most kShelvesMax.
[[nodiscard]] WireStatus to_wire(std::span<const ShelfStatus> shelves) noexcept;

[[nodiscard]] Result<Request, MessageFault> parse_request(std::span<const std::byte> packet) noexcept;
/// What is no printable ASCII in a refusal comes as '?'.
[[nodiscard]] Result<Answer, MessageFault> parse_answer(std::span<const std::byte> packet);
[[nodiscard]] Result<std::vector<ShelfStatus>, MessageFault> parse_status(std::span<const std::byte> packet);

}  // namespace mayfly::pool
