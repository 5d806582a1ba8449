// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "doctor/capabilities.hpp"

namespace mayfly::doctor {

/// The CPUs that `vcpus` vCPUs may have to themselves: `asked`, or else all isolated ones, those of wholly
/// isolated cores first; at least one for each vCPU, in the order in which they are to be taken. Otherwise
/// why not, a sentence that names the CPUs in the way.
///
/// A CPU is to be online, and isolated from the scheduler by isolcpus= or as a partition of cpusets, since a
/// vCPU that never exits would starve whatever shares it.
[[nodiscard]] Result<CpuList, std::string> choose_dedicated(const IsolationFacts& host, std::uint32_t vcpus,
                                                            const std::optional<CpuList>& asked);

/// Isolated CPUs whose core has a hyper-thread that is not.
[[nodiscard]] CpuList sharing_a_core(const IsolationFacts& host);

}  // namespace mayfly::doctor
