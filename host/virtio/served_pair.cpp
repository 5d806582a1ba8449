// SPDX-License-Identifier: Apache-2.0
#include "virtio/served_pair.hpp"

#include <string>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"
#include "virtio/net_header.hpp"

namespace mayfly::virtio {
namespace {

void ring_event(int event) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));  // full: it rings
}

/// Whether it was rung.
bool take_event(int event) noexcept {
  std::uint64_t count = 0;
  return ::read(event, &count, sizeof(count)) == sizeof(count);
}

}  // namespace

ServedPair::ServedPair(Device& device, std::size_t index, NetEnd end)
    : device_(device),
      index_(index),
      end_(std::move(end)),
      turn_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      port_receives_(index == 0),
      enabled_(index == 0) {
  const auto watch = [this](int fd, Handler& handler) { return end_.loop.watch(fd, io::kReadable, handler); };
  if (!turn_ || !watch(turn_.get(), turn_handler_) || !watch(bell_of(kReceive), bell_handler_) ||
      !watch(end_.server->fault_event(kReceive), receive_fault_handler_) ||
      !watch(end_.server->fault_event(kSend), send_fault_handler_)) {
    fail_errno("cannot watch " + std::string(end_.port.name()) + " of --net");
  }
}

void ServedPair::ring(std::size_t queue) noexcept { ring_event(bell_of(queue)); }

void ServedPair::ask_for_turn() noexcept { ring_event(turn_.get()); }

void ServedPair::activate(std::span<VirtQueue> queues, std::uint64_t features,
                          std::uint64_t driver) noexcept {
  {
    const std::lock_guard lock(mutex_);
    queues_ = queues;
    features_ = features;
    driver_ = driver;
    state_ = State::kNew;
  }
  ask_for_turn();
}

void ServedPair::enable(bool receives) noexcept {
  if (enabled_.exchange(receives) != receives) {
    ask_for_turn();
  }
}

void ServedPair::reset() noexcept {
  enable(index_ == 0);
  {
    const std::lock_guard lock(mutex_);
    stop();
    state_ = State::kNoDriver;
    queues_ = {};
    // Of the driver that is gone: none is the next one's.
    for (std::size_t queue = 0; queue < kQueues; ++queue) {
      (void)take_event(interrupt_event(queue));
      (void)take_event(end_.server->fault_event(queue));
    }
  }
  ask_for_turn();
}

void ServedPair::pause() noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kRuns) {
    stop();
    state_ = State::kHeld;
  }
}

void ServedPair::resume() noexcept { ask_for_turn(); }

void ServedPair::stop() noexcept {
  if (state_ == State::kRuns) {
    end_.server->stop();
  }
}

void ServedPair::follow_enabled() noexcept {
  if (const bool wanted = enabled_.load(); wanted != port_receives_) {
    port_receives_ = wanted;
    end_.port.set_receives(wanted);
  }
}

bool ServedPair::begin() noexcept {
  if (state_ == State::kNew) {
    const std::optional<QueueSetup> receive = queues_[kReceive].setup();
    const std::optional<QueueSetup> send = queues_[kSend].setup();
    if (!receive || !send) {
      return true;  // a pair that the driver does not use, or half of one
    }
    end_.port.set_offloads(offloads_of(features_));
    if (!end_.server->set_up({*receive, *send}, features_)) {
      return false;
    }
  }
  if (!end_.server->run()) {
    return false;
  }
  state_ = State::kRuns;
  return true;
}

void ServedPair::on_turn(io::Readiness /*what*/) noexcept {
  (void)take_event(turn_.get());
  follow_enabled();
  bool is_lost = false;
  std::uint64_t driver = 0;
  {
    const std::lock_guard lock(mutex_);
    if ((state_ == State::kNew || state_ == State::kHeld) && !begin()) {
      end_.server->stop();
      state_ = State::kDead;
      is_lost = true;
      driver = driver_;
    }
    (void)end_.loop.change(bell_of(kReceive), state_ == State::kNoDriver ? io::kReadable : 0, bell_handler_);
  }
  if (is_lost) {
    device_.tell(index_, driver, {.interrupts = {}, .faults = {}, .port_is_lost = true});
  }
}

void ServedPair::on_bell(io::Readiness /*what*/) noexcept {
  (void)take_event(bell_of(kReceive));
  device_.rung_without_a_pair();
}

void ServedPair::on_receive_fault(io::Readiness /*what*/) noexcept { on_fault(kReceive); }

void ServedPair::on_send_fault(io::Readiness /*what*/) noexcept { on_fault(kSend); }

void ServedPair::on_fault(std::size_t queue) noexcept {
  News news;
  std::uint64_t driver = 0;
  {
    const std::lock_guard lock(mutex_);
    // With the mutex held: a reset has taken what is of the driver before.
    if (!take_event(end_.server->fault_event(queue)) || state_ != State::kRuns) {
      return;
    }
    stop();
    state_ = State::kDead;
    news.faults[queue] = QueueFault::kHostRefuses;
    driver = driver_;
  }
  device_.tell(index_, driver, news);
}

}  // namespace mayfly::virtio
