// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_ring.hpp"
#include "vsock/credit.hpp"
#include "vsock/packet.hpp"

namespace mayfly::vsock {

/// What of a connection the guest has yet to be sent: bits. A set, not a list, so that nobody's doing makes
/// it grow; the lowest goes first, and data before kTellShutdown, for what there was to read was read before.
using News = std::uint8_t;
inline constexpr News kTellRequest = 1U << 0U;
inline constexpr News kTellResponse = 1U << 1U;
inline constexpr News kTellCreditUpdate = 1U << 2U;
inline constexpr News kTellCreditRequest = 1U << 3U;
inline constexpr News kTellShutdown = 1U << 4U;
inline constexpr News kTellReset = 1U << 5U;

/// The packet that carries `news`, one bit.
[[nodiscard]] Operation operation_of(News news) noexcept;

/// One connection as the protocol sees it: no descriptor, no ring of the device.
///
///            client asks: ask()                     guest asks: accept()
///   kAsked ────── RESPONSE ──────> kOpen <─────── granted() ────── kConnecting
///     │ RST                       │  │  └ RST, something held for the client ─> kDraining ─> kFree
///     └────────> kFree <── RST ───┘  │
///                  └── RST is sent ──┴ end(): kReset, from any state that the guest knows of
///
/// In kOpen each side says by SHUTDOWN what it does no more; when one does nothing more the other answers by
/// RST.
class Connection {
 public:
  enum class State : std::uint8_t {
    kFree,
    kAsked,       ///< REQUEST is the guest's to answer.
    kConnecting,  ///< The guest's REQUEST is the host's to answer.
    kOpen,
    kReset,     ///< Over, and the guest has yet to be told.
    kDraining,  ///< Over for the guest; the client has yet to take the last bytes.
  };
  /// What a packet of the guest came to.
  enum class Heard : std::uint8_t {
    kNothing,
    kGranted,    ///< RESPONSE: open now.
    kData,       ///< Its payload is the client's, and has room in held().
    kShutdown,   ///< guest_ends() has grown.
    kOver,       ///< RST.
    kViolation,  ///< What no honest kernel sends in this state.
  };

  Connection() noexcept = default;
  /// `memory` is for held() and has ReceiveCredit::kBufferBytes.
  explicit Connection(std::span<std::byte> memory) noexcept : held_(memory) {}

  /// A client asks the guest.
  void ask(Ports ports) noexcept;
  /// The guest asks the host, by `request`.
  void accept(const Packet& request) noexcept;
  /// The host is there: the guest is told, and it is open.
  void granted() noexcept;
  /// A packet of the guest with these ports, while is_known().
  [[nodiscard]] Heard hear(const Packet& packet) noexcept;
  /// The client does `what` no more: the guest is told what it does not know yet.
  void end_client(std::uint32_t what) noexcept;
  /// It is over, and the guest is told.
  void end() noexcept;
  /// It is over for the guest, but held() is not empty.
  void drain() noexcept;
  void free() noexcept;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Ports& ports() const noexcept { return ports_; }
  /// The guest may send packets for it.
  [[nodiscard]] bool is_known() const noexcept {
    return state_ != State::kFree && state_ != State::kDraining;
  }
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::kOpen; }
  /// What each side does no more: kNoReceiving, kNoSending.
  [[nodiscard]] std::uint32_t guest_ends() const noexcept { return guest_ends_; }
  [[nodiscard]] std::uint32_t client_ends() const noexcept { return client_ends_; }

  [[nodiscard]] News news() const noexcept { return news_; }
  /// How much of the client's may go to the guest now; 0 as well when it is not open, or one of them is at
  /// its end.
  [[nodiscard]] std::uint32_t room_at_guest() const noexcept;
  /// The packet that tells the lowest bit of news(), which is told then.
  [[nodiscard]] Packet tell() noexcept;
  /// The packet that `bytes` of payload follow, from 1 to room_at_guest().
  [[nodiscard]] Packet data(std::uint32_t bytes) noexcept;

  /// What came from the guest and the client has not taken.
  [[nodiscard]] ByteRing& held() noexcept { return held_; }
  [[nodiscard]] const ByteRing& held() const noexcept { return held_; }
  /// `bytes` that came from the guest were passed on, or are nobody's.
  void forwarded(std::size_t bytes) noexcept;

 private:
  [[nodiscard]] Heard hear_open(const Packet& packet) noexcept;
  [[nodiscard]] Packet packet(Operation operation) noexcept;
  void begin(Ports ports, State state, News news) noexcept;

  Ports ports_;
  State state_ = State::kFree;
  News news_ = 0;
  std::uint32_t guest_ends_ = 0;
  std::uint32_t client_ends_ = 0;
  SendCredit send_;
  ReceiveCredit receive_;
  ByteRing held_;
};

}  // namespace mayfly::vsock
