// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The sockets of `--vsock PATH[,cid=N][,rx-rate=BYTES]...`. Throws Error that names the option, what was
/// given and what is allowed.
[[nodiscard]] vmm::GuestSockets check_vsock(const std::string& text);

}  // namespace mayfly::cli
