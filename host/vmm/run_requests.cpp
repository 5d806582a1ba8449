// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_requests.hpp"

#include <sys/eventfd.h>

#include "base/error.hpp"

namespace mayfly::vmm {

RunRequests::RunRequests() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) {
    fail_errno("eventfd");
  }
}

void RunRequests::ask(std::atomic<bool>& what) noexcept {
  what.store(true);
  (void)::eventfd_write(event_.get(), 1);
}

void RunRequests::acknowledge() noexcept {
  eventfd_t ignored = 0;
  (void)::eventfd_read(event_.get(), &ignored);
}

}  // namespace mayfly::vmm
