// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "guest-init/failure.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {

/// Starts the agent: a process that takes further commands from the host, each on a connection of AF_VSOCK to
/// `port`, and has one more process run each. Whoever connects is heard from when this returns. What the
/// commands' requests leave open is as in `first`, the workload's, which stays as it is.
[[nodiscard]] Step start_agent(std::uint32_t port, const Request& first) noexcept;

/// What the agent does, with a listening socket of any family.
[[noreturn]] void serve_commands(int listener, const Request& first) noexcept;

}  // namespace mayfly::init
