// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <net/if.h>

#include "guest-init/protocol/machine_setup.hpp"

namespace mayfly::init {

// Each gives errno, or 0. `any_socket` is one of AF_INET, `interface` a request with the interface's name.

/// Brings it up, with its address where one is given, and its route to all others.
[[nodiscard]] int set_up_interface(int any_socket, ifreq interface,
                                   const protocol::NetworkSetup& setup) noexcept;
/// Takes its address, and with it its routes; it stays up.
[[nodiscard]] int take_address(int any_socket, ifreq interface) noexcept;
[[nodiscard]] int set_mtu(int any_socket, ifreq interface, std::uint16_t mtu) noexcept;

}  // namespace mayfly::init
