// SPDX-License-Identifier: Apache-2.0
#include "vmm/view_slots.hpp"

#include "base/error.hpp"

namespace mayfly::vmm {

void ViewSlots::show(std::uint64_t address, std::span<std::byte> pages) {
  vm_.add_memory(first_ + shown_, address, pages.data(), pages.size(), kvm::SlotAccess::kReadOnly);
  ++shown_;
}

void ViewSlots::ring(std::uint64_t address, int event) {
  if (!vm_.set_write_event(address, event, kvm::WriteEvent::kOn)) {
    fail_errno("KVM refuses an event for writes of the guest (KVM_IOEVENTFD)");
  }
  bells_.push_back({address, event});
}

void ViewSlots::hide() noexcept {
  if (hidden_.exchange(true)) {
    return;
  }
  for (std::uint32_t slot = 0; slot < shown_; ++slot) {
    // Where KVM cannot, the guest loses what it asked for: another place for a BAR, or access to one by
    // configuration registers.
    (void)vm_.remove_memory(first_ + slot);
  }
  for (const Bell& bell : bells_) {
    (void)vm_.set_write_event(bell.address, bell.event, kvm::WriteEvent::kOff);
  }
}

}  // namespace mayfly::vmm
