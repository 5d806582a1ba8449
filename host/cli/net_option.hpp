// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The network devices of `--net tap=NAME[,KEY=VALUE]...` or `--net fd=N[+N]...[,KEY=VALUE]...`, one for
/// each text. Keys: queues=N of a tap by name, vhost=on or off of one, mac=MAC, ip=ADDRESS/BITS,
/// gateway=ADDRESS, dns=ADDRESS, which may be repeated; of packets to the guest rx-rate=BYTES[/BURST] and
/// rx-pps=N[/BURST], from it tx-rate and tx-pps. Without mac= a random one. Throws Error that names the
/// option, what was given and what is allowed.
[[nodiscard]] std::vector<vmm::NetDevice> check_networks(const std::vector<std::string>& texts);

}  // namespace mayfly::cli
