// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_requests.hpp"

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vmm {

RunRequests::RunRequests() : event_(make_event()) {
  if (!event_) {
    fail_errno("eventfd");
  }
}

void RunRequests::ask(std::atomic<bool>& what) noexcept {
  what.store(true);
  ring_event(event_.get());
}

void RunRequests::acknowledge() noexcept { (void)take_event(event_.get()); }

}  // namespace mayfly::vmm
