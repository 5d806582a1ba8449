// SPDX-License-Identifier: Apache-2.0
#include "vmm/working_set_recorder.hpp"

#include <exception>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vmm {

WorkingSetRecorder::WorkingSetRecorder(const Backing& ram) : ram_(ram), ready_(make_event()) {
  if (!ready_) {
    fail_errno("eventfd");
  }
}

void WorkingSetRecorder::on_ready() noexcept { ring_event(ready_.get()); }

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
