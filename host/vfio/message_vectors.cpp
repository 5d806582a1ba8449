// SPDX-License-Identifier: Apache-2.0
#include "vfio/message_vectors.hpp"

#include <span>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vfio {

MessageVectors::MessageVectors(Interrupts kind, std::uint32_t count, DeviceAccess& device,
                               io::EventInterrupts& sink)
    : kind_(kind),
      device_(device),
      sink_(sink),
      first_line_(sink.allocate(count)),
      vectors_(count),
      nobody_(count, -1) {}

MessageVectors::~MessageVectors() { release(); }

bool MessageVectors::enable(std::uint32_t count) noexcept {
  MAYFLY_ASSERT(!enabled_ && count >= 1 && count <= vectors_.size());
  enabled_ = allocate(count);
  for (const Vector& vector : vectors_) {
    if (enabled_ && vector.event) {
      (void)take_event(vector.event.get());
    }
  }
  return enabled_;
}

bool MessageVectors::allocate(std::uint32_t count) noexcept {
  if (allocated_ == count) {
    return true;
  }
  release();
  // Where a host cannot grow, it frees and allocates all vectors anew, one after the other.
  const std::uint32_t at_once = device_.interrupts_grow(kind_) ? 1 : count;
  if (!device_.set_events(kind_, 0, std::span(nobody_).first(at_once))) {
    return false;
  }
  allocated_ = count;
  return true;
}

void MessageVectors::disable() noexcept {
  if (!enabled_) {
    return;
  }
  for (std::uint32_t i = 0; i < vectors_.size(); ++i) {
    mask(i);
  }
  enabled_ = false;
}

void MessageVectors::release() noexcept {
  disable();
  if (allocated_ == 0) {
    return;
  }
  device_.disable(kind_);
  allocated_ = 0;
  for (Vector& vector : vectors_) {
    vector.handed_over = false;
  }
}

void MessageVectors::mask(std::uint32_t index) noexcept {
  Vector& vector = vectors_[index];
  if (vector.message.has_value()) {
    sink_.disconnect(first_line_ + index, vector.event.get());
    vector.message.reset();
  }
}

bool MessageVectors::set(std::uint32_t index, const std::optional<io::MsiMessage>& message) noexcept {
  MAYFLY_ASSERT(index < vectors_.size());
  Vector& vector = vectors_[index];
  if (!enabled_ || vector.message == message) {
    return true;
  }
  mask(index);
  if (!message.has_value()) {
    return true;
  }
  if (!vector.event) {
    vector.event = make_event();
  }
  const int event = vector.event.get();
  if (!vector.event || !sink_.connect(first_line_ + index, event, *message)) {
    return false;
  }
  vector.message = message;
  if (!vector.handed_over) {
    vector.handed_over = device_.set_events(kind_, index, {&event, 1});
  }
  return vector.handed_over;
}

bool MessageVectors::pending(std::uint32_t index) const noexcept {
  const Vector& vector = vectors_[index];
  return enabled_ && vector.event && !vector.message.has_value() && has_event(vector.event.get());
}

}  // namespace mayfly::vfio
