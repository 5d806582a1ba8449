// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread_priority.hpp"

#include <sys/resource.h>

namespace mayfly::vmm {
namespace {

constexpr int kFirst = -20;

// Of Linux: 0 is the calling thread, not its process (kernel/sys.c).
void set_nice(int nice) noexcept { static_cast<void>(::setpriority(PRIO_PROCESS, 0, nice)); }

}  // namespace

GoFirst::GoFirst() noexcept : before_(::getpriority(PRIO_PROCESS, 0)) { set_nice(kFirst); }

GoFirst::~GoFirst() { set_nice(before_); }

}  // namespace mayfly::vmm
