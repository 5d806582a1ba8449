// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/status.hpp"

namespace mayfly::cli {

// What `mayfly status` and `mayfly ps` print for people. What VMs say of themselves is foreign: no control
// character of it reaches a terminal.

/// A line for each property.
[[nodiscard]] std::string to_text(const control::Status& status);
/// A line for each VM, under one with the columns' names.
[[nodiscard]] std::string to_table(const std::vector<control::Status>& all);

}  // namespace mayfly::cli
