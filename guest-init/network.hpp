// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "guest-init/dhcp_message.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {

/// Brings the loopback interface up; the kernel gives it 127.0.0.1 and ::1.
[[nodiscard]] Step raise_loopback() noexcept;

/// Whom the guest's programs ask for names, and in which domain.
struct Names {
  std::array<protocol::Ipv4Address, protocol::kNameserversMax> servers{};
  std::size_t server_count = 0;
  /// The host has said them: those of leases are not taken.
  bool are_given = false;
  std::array<char, kDomainMax> domain{};
  std::size_t domain_bytes = 0;

  /// The first lease with a domain gives it.
  void add(const Lease& lease) noexcept;
};

/// Brings each interface up, which is known by its MAC address, with its address, which DHCP may have to
/// give, and its route to all others.
[[nodiscard]] Step set_up_networks(std::span<const Network> networks, Names& names) noexcept;

/// Writes /etc/resolv.conf, in place of the image's; nothing without a server.
[[nodiscard]] Step set_names(const Names& names) noexcept;

/// Sets the host name, "mayfly" when `name` is empty.
[[nodiscard]] Step set_host_name(std::string_view name) noexcept;

}  // namespace mayfly::init
