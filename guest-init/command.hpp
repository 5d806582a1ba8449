// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/channel.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/marks.hpp"
#include "guest-init/protocol/frame.hpp"
#include "guest-init/request.hpp"
#include "guest-init/session.hpp"

namespace mayfly::init {

/// Runs the request's command to its end, with its stdio over `channel`, and fills `report`. Gives the
/// request the variables that every program may expect, where it does not set them. Once a process: it uses
/// static memory. Errors: those of its steps; then nothing of the command runs any more.
[[nodiscard]] Step run_command(Channel& channel, Request& request, const Marks& marks, Remains remains,
                               protocol::ExitReport& report) noexcept;

/// Sends the last frame and what stands before it: `report`, or how it came that there is none. A host that
/// is gone ends the wait.
void send_exit(Channel& channel, protocol::ExitReport report, const Step& failed) noexcept;

}  // namespace mayfly::init
