// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "guest-init/failure.hpp"
#include "guest-init/protocol/launch.hpp"

namespace mayfly::init {

/// Brings the loopback interface up; the kernel gives it 127.0.0.1 and ::1.
[[nodiscard]] Step raise_loopback() noexcept;

/// Brings each interface up, which is known by its MAC address, with its address and its route to all others.
[[nodiscard]] Step set_up_networks(std::span<const protocol::NetworkSetup> setups) noexcept;

/// Writes /etc/resolv.conf, in place of the image's; nothing without a server.
[[nodiscard]] Step set_nameservers(std::span<const protocol::Ipv4Address> servers) noexcept;

/// Sets the host name, "mayfly" when `name` is empty.
[[nodiscard]] Step set_host_name(std::string_view name) noexcept;

}  // namespace mayfly::init
