// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/mapping.hpp"
#include "vsock/connection.hpp"
#include "vsock/packet.hpp"
#include "vsock/reset_list.hpp"
#include "vsock/streams.hpp"

namespace mayfly::vsock {

/// For `mayfly status` and the like.
struct EndpointCounts {
  std::uint32_t connections = 0;  ///< Now.
  std::uint64_t opened = 0;
  std::uint64_t bytes_to_guest = 0;
  std::uint64_t bytes_to_host = 0;
  /// Packets that were neither from the guest's CID nor for the host's: not answered.
  std::uint64_t dropped = 0;
  /// Connections that ended because the guest broke the protocol.
  std::uint64_t violations = 0;
};

/// The host's end of all connections of one guest (virtio 1.2, 5.10.6): packets on one side, Streams on the
/// other, no ring and no descriptor. The caller locks. Nothing here allocates but the constructor, and what a
/// guest or a client can make it keep is bounded by kConnectionsMax.
///
/// Each call is to be preceded by set_time(), and followed by next() until there is nothing, or no room.
class Endpoint {
 public:
  static constexpr std::size_t kConnectionsMax = 256;
  /// Those that the guest asks for take no slot from here on: some are left for clients.
  static constexpr std::size_t kGuestSlots = 192;
  /// How long one side may take to answer REQUEST, and SHUTDOWN of all (as Linux, VSOCK_CLOSE_TIMEOUT).
  static constexpr std::uint64_t kAnswerWithinNs = 8'000'000'000;
  /// How long nothing may move while one side is gone and the other has yet to take what it left.
  static constexpr std::uint64_t kLingerNs = 60'000'000'000;
  /// Ports that clients have on the host's side: from here on, up to twice this.
  static constexpr std::uint32_t kFirstPort = 1U << 30U;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// What happened to a client: bits.
  using Readiness = std::uint8_t;
  static constexpr Readiness kReadable = 1;
  static constexpr Readiness kWritable = 2;
  /// It is gone; what it has sent before can still be read.
  static constexpr Readiness kHungUp = 4;

  /// `streams` outlives this.
  Endpoint(Streams& streams, std::uint64_t guest_cid);

  /// CLOCK_MONOTONIC, or any clock that does not run backwards.
  void set_time(std::uint64_t now_ns) noexcept { now_ns_ = now_ns; }

  // The guest's side.

  /// Whether take() may be called: not while the guest leaves too much unread.
  [[nodiscard]] bool may_take() const noexcept { return !resets_.full(); }
  /// A packet of the guest; `payload` has header.bytes.
  void take(const Header& header, std::span<const std::byte> payload) noexcept;
  /// Something may be there for next().
  [[nodiscard]] bool has_news() const noexcept { return !resets_.empty() || queue_count_ > 0; }
  /// The next packet for the guest, with payload of at most room.size() in `room`; each connection in its
  /// turn. Nothing when there is none.
  [[nodiscard]] std::optional<Header> next(std::span<std::byte> room) noexcept;
  /// The guest's driver starts anew: there are no connections any more.
  void reset() noexcept;

  // The host's side.

  /// A client asks for the guest's port: its slot, whose stream is connected already, until close(). Nothing
  /// when all are taken.
  [[nodiscard]] std::optional<Slot> ask(std::uint32_t guest_port) noexcept;
  /// What connect() left for later. Nothing where it is over meanwhile.
  void connected(Slot slot) noexcept;
  void refused(Slot slot) noexcept;
  /// More of what `slot` was blocked for.
  void ready(Slot slot, Readiness what) noexcept;

  /// When expire() has something to do; kNever.
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept;
  /// Ends what took too long.
  void expire() noexcept;

  [[nodiscard]] EndpointCounts counts() const noexcept;

 private:
  struct Entry {
    Connection connection;
    std::uint64_t deadline_ns = kNever;
    /// There is a stream: close() is due.
    bool has_stream = false;
    bool readable = false;
    bool hung_up = false;
    bool output_ended = false;
    bool input_ended = false;
    bool is_queued = false;
  };

  [[nodiscard]] std::optional<Slot> find(Ports ports) const noexcept;
  [[nodiscard]] std::optional<Slot> take_free(std::size_t slots) noexcept;
  [[nodiscard]] std::uint32_t take_port() noexcept;
  void take_request(const Packet& packet) noexcept;
  void hear(Slot slot, const Packet& packet, std::span<const std::byte> payload) noexcept;
  void deliver(Slot slot, std::span<const std::byte> payload) noexcept;
  void flush(Slot slot) noexcept;
  void client_reads_no_more(Slot slot) noexcept;
  void peer_reset(Slot slot) noexcept;
  /// What follows from what each side does no more; and its turn in the queue.
  void settle(Slot slot) noexcept;
  void set_deadline(Slot slot) noexcept;
  /// Over: the guest is told.
  void finish(Slot slot) noexcept;
  /// Over, and nobody has to be told.
  void release(Slot slot) noexcept;
  void close_stream(Slot slot) noexcept;
  [[nodiscard]] static bool wants_turn(const Entry& entry) noexcept;
  void enqueue(Slot slot) noexcept;
  [[nodiscard]] Slot dequeue() noexcept;
  [[nodiscard]] std::optional<Packet> packet_of(Slot slot, std::span<std::byte> room) noexcept;

  Streams& streams_;
  std::uint64_t guest_cid_;
  std::uint64_t now_ns_ = 0;
  std::uint32_t next_port_ = kFirstPort;
  ResetList resets_;
  /// What the connections hold. One piece that is touched only as it is used.
  Mapping memory_;
  std::array<Entry, kConnectionsMax> entries_{};
  /// All slots from here on are free: what is looked through stays short.
  std::size_t used_ = 0;
  /// Slots that have something for the guest, each once, in their order.
  std::array<Slot, kConnectionsMax> queue_{};
  std::size_t queue_begin_ = 0;
  std::size_t queue_count_ = 0;
  EndpointCounts counts_;
};

}  // namespace mayfly::vsock
