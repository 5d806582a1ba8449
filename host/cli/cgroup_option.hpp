// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vmm/cgroup.hpp"

namespace mayfly::cli {

/// What --cgroup was given: the folder of a group, and limits after commas. Throws Error that names what is
/// wrong.
[[nodiscard]] vmm::CgroupSpec check_cgroup(const std::string& text);

}  // namespace mayfly::cli
