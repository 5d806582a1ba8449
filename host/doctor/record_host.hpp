// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "doctor/recording.hpp"

namespace mayfly::doctor {

/// Asks a host all that doctor wants to know: files under `root` ("" is this host, tests give trees), KVM by
/// its ioctls, and this processor's CPUID. Changes nothing, but that it makes a VM and drops it, and that the
/// kernel may load VFIO. What names a machine or its owner (serial numbers, addresses, the kernel's command
/// line) is not read.
[[nodiscard]] Recording record_host(const std::string& root);

/// As above, but only what choose_dedicated() wants to know: for a run that cannot wait for the rest.
[[nodiscard]] Recording record_cpus(const std::string& root);

}  // namespace mayfly::doctor
