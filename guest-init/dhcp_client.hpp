// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <net/if.h>

#include "guest-init/dhcp_message.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {

/// Brings an interface up, gets a lease for it within the seconds that `network` allows, and sets it up by
/// it. A process of init's own then has the lease renewed as long as the VM runs; where it ends nevertheless,
/// it takes the address from the interface, and asks for another one. `any_socket`: of AF_INET.
[[nodiscard]] Step set_up_by_dhcp(int any_socket, const ifreq& interface, const Network& network,
                                  Lease& lease) noexcept;

}  // namespace mayfly::init
