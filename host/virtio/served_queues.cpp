// SPDX-License-Identifier: Apache-2.0
#include "virtio/served_queues.hpp"

#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::virtio {

ServedQueues::ServedQueues(Owner& owner, std::unique_ptr<QueueServer> server, io::EventLoop& loop)
    : owner_(owner), server_(std::move(server)), turn_(make_event()) {
  const auto watch = [&loop](int fd, Handler& handler) { return loop.watch(fd, io::kReadable, handler); };
  if (!turn_ || !watch(turn_.get(), turn_handler_) || !watch(server_->fault_event(0), first_fault_handler_) ||
      !watch(server_->fault_event(1), second_fault_handler_)) {
    fail_errno("cannot watch the events of vhost");
  }
}

void ServedQueues::ask_for_turn() noexcept { ring_event(turn_.get()); }

void ServedQueues::activate(std::span<VirtQueue> queues, std::uint64_t features,
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

void ServedQueues::reset() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stop();
    state_ = State::kNoDriver;
    queues_ = {};
    // Of the driver that is gone: none is the next one's.
    for (std::size_t queue = 0; queue < kQueues; ++queue) {
      (void)take_event(server_->interrupt_event(queue));
      (void)take_event(server_->fault_event(queue));
    }
  }
  ask_for_turn();
}

void ServedQueues::pause() noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kRuns) {
    stop();
    state_ = State::kHeld;
  }
}

void ServedQueues::stop() noexcept {
  if (state_ == State::kRuns) {
    server_->stop();
  }
}

bool ServedQueues::begin() noexcept {
  if (state_ == State::kNew) {
    const std::optional<QueueSetup> first = queues_[0].setup();
    const std::optional<QueueSetup> second = queues_[1].setup();
    if (!first || !second) {
      return true;  // a pair that the driver does not use, or half of one
    }
    owner_.driver_comes(features_);
    if (!server_->set_up({*first, *second}, features_)) {
      return false;
    }
  }
  if (!server_->run()) {
    return false;
  }
  state_ = State::kRuns;
  return true;
}

void ServedQueues::on_turn(io::Readiness /*what*/) noexcept {
  (void)take_event(turn_.get());
  owner_.turn_begins();
  bool is_refused = false;
  bool has_driver = false;
  std::uint64_t driver = 0;
  {
    const std::lock_guard lock(mutex_);
    if ((state_ == State::kNew || state_ == State::kHeld) && !begin()) {
      server_->stop();
      state_ = State::kDead;
      is_refused = true;
    }
    has_driver = state_ != State::kNoDriver;
    driver = driver_;
  }
  if (is_refused) {
    owner_.refused(driver);
  }
  owner_.turn_ends(has_driver);
}

void ServedQueues::on_first_fault(io::Readiness /*what*/) noexcept { on_fault(0); }

void ServedQueues::on_second_fault(io::Readiness /*what*/) noexcept { on_fault(1); }

void ServedQueues::on_fault(std::size_t queue) noexcept {
  std::uint64_t driver = 0;
  {
    const std::lock_guard lock(mutex_);
    // With the mutex held: a reset has taken what is of the driver before.
    if (!take_event(server_->fault_event(queue)) || state_ != State::kRuns) {
      return;
    }
    stop();
    state_ = State::kDead;
    driver = driver_;
  }
  owner_.broken(queue, driver);
}

}  // namespace mayfly::virtio
