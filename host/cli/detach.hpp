// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// Has a process of its own run what follows, in a session of its own, with stdin and stdout nowhere: there
/// it returns nothing, and `config` tells this process when the guest is ready. Here it waits for that,
/// passing on what is said on stderr and signals that ask for an end, prints the VM's id and returns 0; or
/// the exit status of a run that ends before. While there is one thread. Throws Error.
[[nodiscard]] std::optional<int> detach(vmm::RunConfig& config);

}  // namespace mayfly::cli
