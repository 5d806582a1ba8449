// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The devices of `--device vfio=ADDRESS[,iommu=auto|type1|iommufd][,peers=yes|no]`, one for each text.
/// Throws Error that names the option and what was given: a malformed address, an unknown key, a device
/// twice, or two answers about the IOMMU, which all devices of a guest share.
[[nodiscard]] std::vector<vmm::PassedDevice> check_devices(const std::vector<std::string>& texts);

}  // namespace mayfly::cli
