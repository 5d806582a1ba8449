// SPDX-License-Identifier: Apache-2.0
#include "vmm/vm_down.hpp"

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vmm {

VmDown::VmDown() : event_(make_event()) {
  if (!event_) {
    fail_errno("eventfd");
  }
}

void VmDown::report(DownReason reason, std::uint64_t detail) noexcept {
  // A panic is followed by a reset, a reset by nothing: what came first is the cause.
  if (reported_.test_and_set(std::memory_order_acq_rel)) {
    return;
  }
  detail_.store(detail, std::memory_order_relaxed);
  reason_.store(static_cast<int>(reason), std::memory_order_release);
  ring_event(event_.get());
}

std::optional<DownReason> VmDown::reason() const noexcept {
  const int reason = reason_.load(std::memory_order_acquire);
  return reason < 0 ? std::nullopt : std::optional(static_cast<DownReason>(reason));
}

}  // namespace mayfly::vmm
