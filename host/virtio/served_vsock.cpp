// SPDX-License-Identifier: Apache-2.0
#include "virtio/served_vsock.hpp"

#include <mutex>
#include <utility>

#include "base/event_fd.hpp"

namespace mayfly::virtio {

ServedVsock::ServedVsock(std::unique_ptr<QueueServer> server, std::uint64_t features, std::uint64_t guest_cid,
                         io::EventLoop& loop)
    : features_(features), guest_cid_(guest_cid), queues_(*this, std::move(server), loop) {}

std::uint64_t ServedVsock::offered_features() const noexcept {
  return features_ | kFeatureIndirectDescriptors | kFeatureEventIndex;
}

void ServedVsock::activate(const Activation& activation) noexcept {
  link_ = activation.link;
  queues_.activate(activation.queues.first(ServedQueues::kQueues), activation.features, driver_);
}

void ServedVsock::notify(std::uint16_t queue) noexcept {
  if (queue < ServedQueues::kQueues) {
    ring_event(queues_.server().bell(queue));
  }
}

int ServedVsock::doorbell(std::size_t queue) const noexcept {
  return queue < ServedQueues::kQueues ? queues_.server().bell(queue) : -1;
}

int ServedVsock::interrupt_event(std::size_t queue) const noexcept {
  return queue < ServedQueues::kQueues ? queues_.server().interrupt_event(queue) : -1;
}

void ServedVsock::reset() noexcept {
  queues_.reset();
  link_ = nullptr;
  ++driver_;
}

void ServedVsock::broken(std::size_t queue, std::uint64_t driver) noexcept {
  const std::lock_guard lock(mutex());
  // The next driver knows nothing of it.
  if (link_ != nullptr && driver == driver_) {
    link_->needs_reset(static_cast<std::uint16_t>(queue), QueueFault::kHostRefuses);
  }
}

}  // namespace mayfly::virtio
