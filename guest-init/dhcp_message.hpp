// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "guest-init/protocol/machine_setup.hpp"

/// Messages of DHCP for IPv4 (RFC 2131, RFC 2132), as bytes of UDP. No heap, no system call.
namespace mayfly::init {

using Mac = std::array<std::uint8_t, 6>;

enum class DhcpKind : std::uint8_t { kDiscover = 1, kOffer = 2, kRequest = 3, kAck = 5, kNak = 6 };

/// A lease that never ends (RFC 2131, 3.3).
inline constexpr std::uint32_t kForever = 0xffff'ffff;
/// The least that every network carries (RFC 791).
inline constexpr std::uint16_t kMtuMin = 576;
/// Of a domain's name (RFC 1035).
inline constexpr std::size_t kDomainMax = 253;

/// What a server has said, all of it checked: an address and network that can be set up; the rest is empty or
/// zero where it is not there or cannot be used.
struct Lease {
  protocol::Ipv4Address address{};
  std::uint8_t prefix = 0;
  protocol::Ipv4Address server{};
  /// Of the network of `address`, not `address`.
  protocol::Ipv4Address gateway{};
  std::array<protocol::Ipv4Address, protocol::kNameserversMax> nameservers{};
  std::size_t nameserver_count = 0;
  std::array<char, kDomainMax> domain{};
  std::size_t domain_bytes = 0;
  std::uint16_t mtu = 0;
  /// Seconds from the request on: until it ends, may be renewed, and may be of another server.
  /// `renew` <= `rebind` <= `ends`.
  std::uint32_t ends = 0;
  std::uint32_t renew = 0;
  std::uint32_t rebind = 0;

  [[nodiscard]] std::string_view domain_name() const noexcept { return {domain.data(), domain_bytes}; }
};

/// An answer of a server. Of a NAK only `lease.server` is there.
struct DhcpAnswer {
  DhcpKind kind;
  Lease lease;
};

/// The answer in `bytes`, which are foreign, to the client `mac` and its `transaction`; nothing where they
/// are no such answer, or one that cannot be used. The fields `sname` and `file` are not read for options.
[[nodiscard]] std::optional<DhcpAnswer> parse_dhcp(std::span<const std::uint8_t> bytes, const Mac& mac,
                                                   std::uint32_t transaction) noexcept;

/// What a client asks.
struct DhcpQuestion {
  DhcpKind kind;
  std::uint32_t transaction;
  Mac mac;
  std::uint16_t seconds;  ///< Since it began to ask.
  /// What it has already, and asks to keep; all zero: nothing.
  protocol::Ipv4Address own;
  /// What it would like, of that server; all zero: not said.
  protocol::Ipv4Address wanted;
  protocol::Ipv4Address server;
};

/// As long as BOOTP's messages, which some relays want.
inline constexpr std::size_t kDhcpQuestionBytes = 300;
/// The largest answer that is read; servers send 576 bytes of IP where they are not told that it may be more.
inline constexpr std::size_t kDhcpAnswerBytesMax = 1500;

/// Answers come by broadcast where the client has no address: so is asked.
[[nodiscard]] std::array<std::uint8_t, kDhcpQuestionBytes> make_dhcp(const DhcpQuestion& question) noexcept;

}  // namespace mayfly::init
