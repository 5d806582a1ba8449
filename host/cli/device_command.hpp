// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vfio/host_pci.hpp"

namespace mayfly::cli {

enum class DeviceAction : std::uint8_t { kList, kBind, kUnbind };

/// `mayfly device list|bind|unbind`.
struct DeviceCommand {
  DeviceAction action = DeviceAction::kList;
  /// One at least, but for kList.
  std::vector<vfio::PciAddress> addresses{};
};

/// Does it, and gives what is to be printed. Throws Error.
[[nodiscard]] std::string run_device_command(const DeviceCommand& command, const vfio::HostPci& host);

/// From the words after `device`. Throws Error that names the word.
[[nodiscard]] DeviceCommand check_device_command(const std::vector<std::string>& words);

}  // namespace mayfly::cli
