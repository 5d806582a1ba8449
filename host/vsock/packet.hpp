// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

/// The packets of the socket device (virtio 1.2, 5.10.6).
namespace mayfly::vsock {

/// Context identifiers (5.10.4): the host's, and those that a guest may have.
inline constexpr std::uint64_t kHostCid = 2;
inline constexpr std::uint64_t kGuestCidMin = 3;
inline constexpr std::uint64_t kGuestCidMax = 0xffff'fffe;

enum class SocketType : std::uint16_t { kStream = 1, kSequencedPackets = 2 };

enum class Operation : std::uint16_t {
  kRequest = 1,
  kResponse = 2,
  kReset = 3,
  kShutdown = 4,
  kReadWrite = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

/// Flags of a SHUTDOWN: what its sender does no more. They only ever add up.
inline constexpr std::uint32_t kNoReceiving = 1U << 0U;
inline constexpr std::uint32_t kNoSending = 1U << 1U;
inline constexpr std::uint32_t kNothingMore = kNoReceiving | kNoSending;

/// What each packet begins with, little-endian (struct virtio_vsock_hdr).
struct [[gnu::packed]] Header {
  std::uint64_t source_cid;        //  0
  std::uint64_t destination_cid;   //  8
  std::uint32_t source_port;       // 16
  std::uint32_t destination_port;  // 20
  std::uint32_t bytes;             // 24  of payload that follow
  std::uint16_t type;              // 28
  std::uint16_t operation;         // 30
  std::uint32_t flags;             // 32
  std::uint32_t buffer_bytes;      // 36  buf_alloc
  std::uint32_t forwarded_bytes;   // 40  fwd_cnt
};
static_assert(sizeof(Header) == 44 && offsetof(Header, type) == 28 &&
              offsetof(Header, forwarded_bytes) == 40);

/// What tells the connections between one guest and its host apart.
struct Ports {
  std::uint32_t host = 0;
  std::uint32_t guest = 0;

  constexpr bool operator==(const Ports&) const noexcept = default;
};

/// A header that makes sense, without what goes without saying.
struct Packet {
  Ports ports;
  Operation operation = Operation::kReset;
  /// Of payload; only a kReadWrite's means something.
  std::uint32_t bytes = 0;
  std::uint32_t flags = 0;
  /// How large the buffer is into which its sender receives, and how much it has passed on of what came
  /// there; both of this connection, the second modulo 2^32.
  std::uint32_t buffer_bytes = 0;
  std::uint32_t forwarded_bytes = 0;
};

enum class PacketFault : std::uint8_t {
  kWrongSource,       ///< Not the guest's own CID.
  kWrongDestination,  ///< Not the host's CID.
  kUnknownType,
  kUnknownOperation,
};

/// For the log. Static text.
[[nodiscard]] std::string_view describe(PacketFault fault) noexcept;

/// Reads what the guest with `guest_cid` sends. Any thread.
[[nodiscard]] Result<Packet, PacketFault> parse(const Header& header, std::uint64_t guest_cid) noexcept;

/// What the guest with `guest_cid` is sent. Any thread.
[[nodiscard]] Header compose(const Packet& packet, std::uint64_t guest_cid,
                             std::uint16_t type = static_cast<std::uint16_t>(SocketType::kStream)) noexcept;

}  // namespace mayfly::vsock
