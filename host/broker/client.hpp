// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "base/fd.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

/// Devices that a broker has opened and reset, ours as long as this lives.
struct Lease {
  /// Closed last: the broker then takes the devices back.
  Fd connection{};
  vfio::OpenedFiles files{};
};

/// Asks the broker at `path` for devices, and waits while they are being reset. Throws Error: the broker's
/// reason where it refuses.
[[nodiscard]] Lease take_devices(const std::string& path, std::span<const vfio::PciAddress> addresses);

}  // namespace mayfly::broker
