// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm_for_devices.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"

namespace mayfly::vmm {

bool KvmForDevices::Interrupts::connect(std::uint32_t line, int event,
                                        const io::MsiMessage& message) noexcept {
  return routes_.route(line, message.address, message.data) && routes_.connect(line, event);
}

bool KvmForDevices::Interrupts::connect_pin(std::uint32_t pin, int event, int ended) noexcept {
  return routes_.connect_level(pin, event, ended);
}

std::uint32_t KvmForDevices::Slots::allocate(std::uint32_t count) {
  const int most = vm_.check(KVM_CAP_NR_MEMSLOTS);
  if (next_ + count > static_cast<std::uint32_t>(std::max(most, 0))) {
    throw Error("the devices have more BARs than KVM has memory slots, " + std::to_string(most));
  }
  next_ += count;
  return next_ - count;
}

bool KvmForDevices::Slots::fill(std::uint32_t slot, GuestAddress at, std::span<std::byte> memory) noexcept {
  const auto last = at.plus(memory.size() - 1);
  const bool allowed = last.has_value() && std::ranges::any_of(windows_, [&](const GuestRange& window) {
                         return window.contains(at) && window.contains(*last);
                       });
  return allowed &&
         vm_.try_add_memory(slot, at.raw(), memory.data(), memory.size(), kvm::SlotAccess::kReadWrite);
}

}  // namespace mayfly::vmm
