// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "guest-init/dhcp_message.hpp"

namespace mayfly::init {

/// A DHCP client's side of the conversation, without sockets and clock (RFC 2131, 4.4): what it says when,
/// and what answers make of it. Times are milliseconds of a clock that only goes on.
class DhcpExchange {
 public:
  enum class State : std::uint8_t {
    kSelecting,   ///< Asks for offers.
    kRequesting,  ///< Asks for the one that was offered.
    kBound,       ///< Has a lease.
    kRenewing,    ///< Asks its server to have it longer.
    kRebinding,   ///< Asks any server.
  };
  struct Letter {
    DhcpQuestion question;
    /// Where to: all ones, or the lease's server.
    protocol::Ipv4Address to;
  };

  /// `random` is the first transaction's number; the next ones follow it.
  DhcpExchange(const Mac& mac, std::uint32_t random, std::uint64_t now_ms) noexcept
      : mac_(mac), transaction_(random), began_ms_(now_ms), due_ms_(now_ms) {}

  [[nodiscard]] State state() const noexcept { return state_; }
  /// In the states after kRequesting.
  [[nodiscard]] const Lease& lease() const noexcept { return lease_; }
  /// When advance() wants to be called again at the latest; never: the lease does not end.
  [[nodiscard]] std::uint64_t due_ms() const noexcept { return due_ms_; }
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// What is to be sent now; nothing: it is not time.
  [[nodiscard]] std::optional<Letter> advance(std::uint64_t now_ms) noexcept;
  /// Whether foreign `bytes` have given a lease, or a longer one.
  [[nodiscard]] bool receive(std::span<const std::uint8_t> bytes, std::uint64_t now_ms) noexcept;

 private:
  void start_over(std::uint64_t now_ms) noexcept;
  void bind(const Lease& lease, std::uint64_t now_ms) noexcept;
  [[nodiscard]] Letter letter(std::uint64_t now_ms) const noexcept;
  [[nodiscard]] std::uint64_t end_of_pause(std::uint64_t now_ms) const noexcept;

  Mac mac_;
  std::uint32_t transaction_;
  State state_ = State::kSelecting;
  /// Offered, then given.
  Lease lease_{};
  /// What is asked, since when, and how often.
  std::uint64_t began_ms_;
  std::uint32_t sent_ = 0;
  /// When the lease was asked for, from which on it counts.
  std::uint64_t leased_ms_ = 0;
  std::uint64_t due_ms_;
};

}  // namespace mayfly::init
