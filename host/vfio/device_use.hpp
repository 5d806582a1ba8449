// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vfio/host_pci.hpp"

namespace mayfly::vfio {

/// What of a function the host is using, so that its driver must not be taken away: file systems that are
/// mounted, swap, disks that others are built on, network interfaces that are up. Sentences like "nvme0n1p1
/// is mounted on /boot"; empty when nothing is known.
[[nodiscard]] std::vector<std::string> uses_of(const HostPci& host, const PciAddress& address);

}  // namespace mayfly::vfio
