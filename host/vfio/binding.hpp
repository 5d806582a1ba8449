// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "vfio/host_pci.hpp"

namespace mayfly::vfio {

/// Gives functions to vfio-pci, by driver_override, so that no other function's driver changes. First looks
/// at all of them, and changes nothing when one is absent, a bridge, without IOMMU, in use, or in a group
/// that the host would still use. Needs root. Throws Error that names the function and why.
void bind_to_vfio(const HostPci& host, std::span<const PciAddress> addresses);

/// Gives functions that vfio-pci has back to the host's own drivers. Refuses one that a process holds open:
/// the kernel would wait for it. Throws Error.
void unbind_from_vfio(const HostPci& host, std::span<const PciAddress> addresses);

}  // namespace mayfly::vfio
