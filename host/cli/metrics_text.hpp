// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/status.hpp"

namespace mayfly::cli {

/// What VMs say of themselves, as metrics in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/
/// exposition_formats), each named mayfly_vm_..., with the VM's id as a label. Sizes are bytes, times
/// seconds.
[[nodiscard]] std::string to_metrics(const std::vector<control::Status>& all);

}  // namespace mayfly::cli
