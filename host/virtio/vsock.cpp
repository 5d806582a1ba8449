// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

/// 5.10.3
constexpr std::uint64_t kFeatureStream = 1U << 0U;

void let_go(std::optional<RateLimit>& limit, std::uint64_t now_ns) noexcept {
  if (limit) {
    limit->let_go(now_ns);
  }
}

}  // namespace

Vsock::Vsock(vsock::Streams& streams, vsock::Worker& worker, std::uint64_t guest_cid,
             const RateLimits& receive, const RateLimits& send, Clock clock)
    : worker_(worker),
      clock_(clock),
      receive_limit_(limit_of(receive)),
      send_limit_(limit_of(send)),
      guest_cid_(guest_cid),
      endpoint_(streams, guest_cid) {
  if (guest_cid < vsock::kGuestCidMin || guest_cid > vsock::kGuestCidMax) {
    throw Error("a guest's CID is from " + std::to_string(vsock::kGuestCidMin) + " to " +
                std::to_string(vsock::kGuestCidMax) + ", not " + std::to_string(guest_cid));
  }
}

std::uint64_t Vsock::offered_features() const noexcept {
  return kFeatureStream | kFeatureIndirectDescriptors | kFeatureEventIndex;
}

void Vsock::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  // We look into these when we have something to put in.
  queues_[kReceiveQueue].disarm();
  queues_[kEventQueue].disarm();
  worker_.wake();
}

void Vsock::notify(std::uint16_t /*queue*/) noexcept { worker_.wake(); }

void Vsock::reset() noexcept {
  queues_ = {};
  let_go(receive_limit_, clock_());
  let_go(send_limit_, clock_());
  // Streams are the worker's thread's.
  was_reset_ = true;
  worker_.wake();
}

void Vsock::begin() noexcept {
  if (std::exchange(was_reset_, false)) {
    endpoint_.reset();
  }
  now_ns_ = clock_();
  endpoint_.set_time(now_ns_);
}

void Vsock::service() noexcept {
  const std::lock_guard lock(mutex());
  begin();
  endpoint_.expire();
  receive();
  send();
}

std::uint64_t Vsock::deadline_ns() const noexcept {
  const std::lock_guard lock(mutex());
  std::uint64_t deadline = endpoint_.deadline_ns();
  for (const std::optional<RateLimit>* const limit : {&receive_limit_, &send_limit_}) {
    if (*limit && (*limit)->is_held()) {
      deadline = std::min(deadline, (*limit)->resume_at());
    }
  }
  return deadline;
}

std::optional<vsock::Slot> Vsock::ask(std::uint32_t guest_port) noexcept {
  const std::lock_guard lock(mutex());
  begin();
  if (queues_.empty()) {
    return std::nullopt;
  }
  const auto slot = endpoint_.ask(guest_port);
  send();
  return slot;
}

void Vsock::connected(vsock::Slot slot) noexcept {
  const std::lock_guard lock(mutex());
  begin();
  endpoint_.connected(slot);
  send();
}

void Vsock::refused(vsock::Slot slot) noexcept {
  const std::lock_guard lock(mutex());
  begin();
  endpoint_.refused(slot);
  send();
}

void Vsock::ready(vsock::Slot slot, vsock::Endpoint::Readiness what) noexcept {
  const std::lock_guard lock(mutex());
  begin();
  endpoint_.ready(slot, what);
  send();
}

VsockCounts Vsock::counts() const noexcept {
  const std::lock_guard lock(mutex());
  const auto waits = [this](const std::optional<RateLimit>& limit) {
    return limit ? limit->counts(clock_()) : HoldCounts{};
  };
  return {endpoint_.counts(), waits(send_limit_), waits(receive_limit_)};
}

void Vsock::receive() noexcept {
  if (queues_.empty()) {
    return;
  }
  VirtQueue& queue = queues_[kTransmitQueue];
  queue.arm();
  bool is_held = false;
  while (auto chain = queue.pop()) {
    is_held = send_limit_ && !send_limit_->passes(now_ns_);
    if (is_held) {
      queue.put_back(std::move(*chain));
      // It need not ring before we come back.
      queue.disarm();
      break;
    }
    if (!endpoint_.may_take()) {
      send();
    }
    if (!endpoint_.may_take()) {
      // The receiving queue is empty, and armed: the driver notifies when it has made room.
      queue.put_back(std::move(*chain));
      break;
    }
    if (send_limit_) {
      const std::uint64_t bytes = chain->readable() - std::min(chain->readable(), sizeof(vsock::Header));
      send_limit_->take(std::min<std::uint64_t>(bytes, bounce_.size()), now_ns_);
    }
    const std::optional<QueueFault> fault = take(*chain);
    queue.push_used(std::move(*chain));
    if (fault) {
      queue.fail(*fault);
    }
  }
  if (!is_held) {
    let_go(send_limit_, now_ns_);
  }
  queue.signal();
}

std::optional<QueueFault> Vsock::take(DescriptorChain& chain) noexcept {
  vsock::Header header{};
  if (chain.writable() > 0 || chain.read(std::as_writable_bytes(std::span(&header, 1))) < sizeof(header) ||
      header.bytes > chain.readable()) {
    return QueueFault::kBadRequest;
  }
  // No connection has more credit.
  if (header.bytes > bounce_.size()) {
    return QueueFault::kBytesTooMany;
  }
  const std::span payload = std::span(bounce_).first(header.bytes);
  (void)chain.read(payload);
  endpoint_.take(header, payload);
  return std::nullopt;
}

void Vsock::send() noexcept {
  if (queues_.empty()) {
    return;
  }
  VirtQueue& queue = queues_[kReceiveQueue];
  queue.arm();
  while (endpoint_.has_news()) {
    if (receive_limit_ && !receive_limit_->passes(now_ns_)) {
      break;
    }
    auto chain = queue.pop();
    if (!chain) {
      // Armed: the driver notifies when it has more buffers.
      queue.signal();
      return;
    }
    // 5.10.6.4.1: buffers have room for a header, and for payload or nothing would get on.
    if (chain->readable() > 0 || chain->writable() <= sizeof(vsock::Header)) {
      queue.push_used(std::move(*chain));
      queue.fail(QueueFault::kBadRequest);
      return;
    }
    const std::uint64_t room = chain->writable() - sizeof(vsock::Header);
    const auto header =
        endpoint_.next(std::span(bounce_).first(std::min<std::uint64_t>(bounce_.size(), room)));
    if (!header) {
      queue.put_back(std::move(*chain));
      break;
    }
    if (receive_limit_) {
      receive_limit_->take(header->bytes, now_ns_);
    }
    chain->write(std::as_bytes(std::span(&*header, 1)));
    chain->write(std::span(bounce_).first(header->bytes));
    queue.push_used(std::move(*chain));
  }
  if (!endpoint_.has_news()) {
    let_go(receive_limit_, now_ns_);
  }
  queue.disarm();
  queue.signal();
}

}  // namespace mayfly::virtio
