// SPDX-License-Identifier: Apache-2.0
#include "virtio/served_pair.hpp"

#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/event_fd.hpp"
#include "virtio/net_header.hpp"

namespace mayfly::virtio {

ServedPair::ServedPair(Device& device, std::size_t index, NetEnd end)
    : device_(device),
      index_(index),
      port_(end.port),
      loop_(end.loop),
      port_receives_(index == 0),
      enabled_(index == 0),
      queues_(*this, std::move(end.server), end.loop) {
  if (!loop_.watch(bell_of(kReceive), io::kReadable, bell_handler_)) {
    fail_errno("cannot watch " + std::string(port_.name()) + " of --net");
  }
}

void ServedPair::ring(std::size_t queue) noexcept { ring_event(bell_of(queue)); }

void ServedPair::enable(bool receives) noexcept {
  if (enabled_.exchange(receives) != receives) {
    queues_.ask_for_turn();
  }
}

void ServedPair::reset() noexcept {
  enable(index_ == 0);
  queues_.reset();
}

void ServedPair::turn_begins() noexcept {
  if (const bool wanted = enabled_.load(); wanted != port_receives_) {
    port_receives_ = wanted;
    port_.set_receives(wanted);
  }
}

void ServedPair::turn_ends(bool has_driver) noexcept {
  (void)loop_.change(bell_of(kReceive), has_driver ? 0 : io::kReadable, bell_handler_);
}

void ServedPair::driver_comes(std::uint64_t features) noexcept { port_.set_offloads(offloads_of(features)); }

void ServedPair::broken(std::size_t queue, std::uint64_t driver) noexcept {
  News news;
  news.faults[queue] = QueueFault::kHostRefuses;
  device_.tell(index_, driver, news);
}

void ServedPair::refused(std::uint64_t driver) noexcept {
  device_.tell(index_, driver, {.interrupts = {}, .faults = {}, .port_is_lost = true});
}

void ServedPair::on_bell(io::Readiness /*what*/) noexcept {
  (void)take_event(bell_of(kReceive));
  device_.rung_without_a_pair();
}

}  // namespace mayfly::virtio
