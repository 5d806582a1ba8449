// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// auto, type1 or iommufd; nothing for any other word.
[[nodiscard]] std::optional<vfio::BackendChoice> parse_iommu(std::string_view word) noexcept;

/// The devices of `--device vfio=ADDRESS[,KEY=VALUE]...`, one for each text. Keys: iommu=auto|type1|iommufd,
/// peers=yes|no, and for a device that is open already broker=PATH, or descriptors: container=N,group=N, or
/// iommufd=N,device=N. Throws Error that names the option and what was given: a malformed address, an unknown
/// key, a device twice, or two answers about the IOMMU, which all devices of a guest share.
[[nodiscard]] std::vector<vmm::PassedDevice> check_devices(const std::vector<std::string>& texts);

}  // namespace mayfly::cli
