// SPDX-License-Identifier: Apache-2.0
#include "vfio/intx.hpp"

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vfio {

Intx::Intx(std::uint32_t pin, DeviceAccess& device, io::EventInterrupts& sink)
    : pin_(pin), device_(device), sink_(sink), raised_(make_event()), ended_(make_event()) {
  if (!raised_ || !ended_) {
    fail_errno("cannot make an event for an interrupt");
  }
}

Intx::~Intx() { disable(); }

bool Intx::enable() noexcept {
  if (enabled_) {
    return true;
  }
  if (!sink_.connect_pin(pin_, raised_.get(), ended_.get())) {
    return false;
  }
  const int raised = raised_.get();
  if (!device_.set_events(Interrupts::kIntx, 0, {&raised, 1})) {
    sink_.disconnect_pin(pin_, raised);
    return false;
  }
  if (!device_.set_unmask_event(ended_.get())) {
    device_.disable(Interrupts::kIntx);
    sink_.disconnect_pin(pin_, raised);
    return false;
  }
  enabled_ = true;
  return true;
}

void Intx::disable() noexcept {
  if (enabled_) {
    device_.disable(Interrupts::kIntx);
    sink_.disconnect_pin(pin_, raised_.get());
    (void)take_event(raised_.get());
    enabled_ = false;
  }
}

}  // namespace mayfly::vfio
