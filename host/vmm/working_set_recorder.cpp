// SPDX-License-Identifier: Apache-2.0
#include "vmm/working_set_recorder.hpp"

#include <exception>

#include <sys/eventfd.h>

#include "base/error.hpp"

namespace mayfly::vmm {

WorkingSetRecorder::WorkingSetRecorder(const Backing& ram)
    : ram_(ram), ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!ready_) {
    fail_errno("eventfd");
  }
}

void WorkingSetRecorder::on_ready() noexcept { (void)::eventfd_write(ready_.get(), 1); }

void WorkingSetRecorder::look() noexcept {
  if (looked_) {
    return;
  }
  looked_ = true;
  try {
    seen_ = populated_set(ram_);
  } catch (const std::exception&) {
    seen_.reset();  // The next boot records, then.
  }
}

}  // namespace mayfly::vmm
