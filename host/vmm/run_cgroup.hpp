// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vmm/cgroup.hpp"

namespace mayfly::vmm {

/// Puts this process in a group of its own, with what it starts from now on, and starts a process that stays
/// outside: it removes the group when all in it have ended, however that was, and says so where that was
/// the group's limit of memory, also to the log of the VM `id` where it `keeps_log`. It takes nothing of this
/// process but the news of its end. While there is one thread, before memory is taken for a guest. Throws
/// Error.
void enter_own_cgroup(const CgroupSpec& spec, const std::string& id, bool keeps_log);

}  // namespace mayfly::vmm
