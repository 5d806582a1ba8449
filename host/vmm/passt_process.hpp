// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "io/packet_port.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// Starts a passt(1) for a network device, whose `user` is there, and gives the end of its wire. It is a
/// process of its own, in a session of its own, and ends when that end is closed; it confines itself. While
/// there is one thread, and before anything is given up that it needs: the host's network and files. Throws
/// Error.
[[nodiscard]] std::unique_ptr<io::PacketPort> start_passt(const NetDevice& device);

}  // namespace mayfly::vmm
