// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The disks of `--disk FILE[,readonly][,direct][,serial=NAME][,mount=PATH[,fs=ext4|erofs]]`, and of
/// `,rate=BYTES[/BURST],iops=N[/BURST]`, one for each text. Throws Error that names the option, what was
/// given and what is allowed.
[[nodiscard]] std::vector<vmm::DiskDevice> check_disks(const std::vector<std::string>& texts);

}  // namespace mayfly::cli
