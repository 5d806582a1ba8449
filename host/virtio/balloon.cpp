// SPDX-License-Identifier: Apache-2.0
#include "virtio/balloon.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace mayfly::virtio {
namespace {

constexpr std::uint32_t pages_of(std::uint64_t bytes) noexcept {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(bytes / BalloonPages::kPageBytes, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

Balloon::Balloon(HeldMemory& held, const GuestMemory& memory, std::uint64_t target_bytes, BalloonUse use)
    : held_(held), use_(use), target_pages_(pages_of(target_bytes)), pages_(memory) {
  publish_target();
}

Balloon::~Balloon() {
  held_.forget(this);
  if (waiting_) {
    waiting_->release();
  }
}

void Balloon::set_target(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex());
  target_pages_ = pages_of(bytes);
  publish_target();
}

std::uint64_t Balloon::target_bytes() const noexcept {
  const std::lock_guard lock(mutex());
  return config_.num_pages * BalloonPages::kPageBytes;
}

BalloonCounts Balloon::counts() const noexcept {
  const std::lock_guard lock(mutex());
  return counts_;
}

void Balloon::publish_target() noexcept {
  const bool too_late =
      use_ == BalloonUse::kBridge && ((link_ != nullptr && !early()) || held_.is_all_ready());
  const std::uint32_t pages = !returning_ && !too_late ? target_pages_ : 0;
  if (pages != std::exchange(config_.num_pages, pages) && link_ != nullptr) {
    link_->config_interrupt();
  }
}

void Balloon::write_config(std::size_t offset, std::span<const std::byte> data) noexcept {
  // 5.5.4: actual is the driver's to write, num_pages is not.
  if (offset == offsetof(Config, actual) && data.size() == sizeof(config_.actual)) {
    std::memcpy(&config_.actual, data.data(), sizeof(config_.actual));
    empty_bridge();
  }
}

void Balloon::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  link_ = activation.link;
  features_ = activation.features;
  publish_target();
}

void Balloon::reset() noexcept {
  ++session_;
  releases_ = 0;
  queues_ = {};
  link_ = nullptr;
  if (counts_.held_bytes > 0 || waiting_) {
    pages_.clear();
    counts_.held_bytes = 0;
    // Of several resets in a row only the last is answered: each stands for all that is on its way.
    returning_ = held_.release_all({on_returned, this, 0}) == HeldMemory::Answer::kLater;
  }
  if (waiting_) {
    waiting_->release();
    waiting_.reset();
  }
  config_.actual = 0;
  publish_target();
}

std::uint64_t Balloon::bridge_step() const noexcept {
  const std::uint64_t step = align_up(counts_.held_bytes_max / kBridgeSteps, HeldMemory::kUnit);
  return std::clamp(step, HeldMemory::kUnit, std::max(counts_.held_bytes, HeldMemory::kUnit));
}

void Balloon::empty_bridge() noexcept {
  if (use_ == BalloonUse::kBridge && early() && counts_.held_bytes > 0 &&
      held_.when_ready(bridge_step(), {on_ready, this, 0}) == HeldMemory::Answer::kNow) {
    lower_bridge();
  }
}

void Balloon::lower_bridge() noexcept {
  target_pages_ = pages_of(counts_.held_bytes - std::min(counts_.held_bytes, bridge_step()));
  publish_target();
}

void Balloon::on_ready(void* self, std::uint64_t /*cookie*/) noexcept {
  auto& balloon = *static_cast<Balloon*>(self);
  const std::lock_guard lock(balloon.mutex());
  // After a reset nothing is held. An answer that was for an earlier filling is early: then a deflate waits.
  if (balloon.early() && balloon.counts_.held_bytes > 0) {
    balloon.lower_bridge();
  }
}

void Balloon::on_returned(void* self, std::uint64_t /*cookie*/) noexcept {
  auto& balloon = *static_cast<Balloon*>(self);
  const std::lock_guard lock(balloon.mutex());
  balloon.returning_ = false;
  balloon.publish_target();
}

void Balloon::notify(std::uint16_t queue) noexcept {
  if (queue == kInflateQueue) {
    ++counts_.inflate_notifications;
    serve(queues_[kInflateQueue], [this](DescriptorChain& chain) { return inflate(chain); });
  } else {
    ++counts_.deflate_notifications;
    serve_deflate();
  }
}

std::optional<std::size_t> Balloon::take_request(DescriptorChain& chain, std::size_t entry_bytes) noexcept {
  const std::uint64_t bytes = chain.readable();
  if (bytes == 0 || bytes > kRequestBytesMax || bytes % entry_bytes != 0 || chain.writable() > 0) {
    return std::nullopt;
  }
  return chain.read(std::as_writable_bytes(std::span(request_)).first(bytes));
}

template <typename Entry>
std::span<const Entry> Balloon::entries(std::size_t bytes) const noexcept {
  // Safe: request_ is aligned for both kinds of entry, and they are plain words.
  return {reinterpret_cast<const Entry*>(request_.data()), bytes / sizeof(Entry)};
}

std::optional<QueueFault> Balloon::inflate(DescriptorChain& chain) noexcept {
  const auto bytes = take_request(chain, early() ? sizeof(RangeEntry) : sizeof(std::uint32_t));
  if (!bytes) {
    return QueueFault::kBadRequest;
  }
  const bool good = early() ? std::ranges::all_of(entries<RangeEntry>(*bytes),
                                                  [this](const auto& entry) { return inflate_range(entry); })
                            : std::ranges::all_of(entries<std::uint32_t>(*bytes),
                                                  [this](std::uint32_t page) { return inflate_page(page); });
  return good ? std::nullopt : std::optional(QueueFault::kBadRequest);
}

bool Balloon::inflate_range(const RangeEntry& entry) noexcept {
  if (!held_.hold({GuestAddress(entry.address), entry.bytes})) {
    return false;
  }
  ++counts_.inflate_entries;
  set_held(counts_.held_bytes + entry.bytes);
  return true;
}

bool Balloon::inflate_page(std::uint32_t page_frame) noexcept {
  const BalloonPages::Change change = pages_.come(page_frame);
  if (change == BalloonPages::Change::kRefused) {
    return false;
  }
  // A unit of which a page has just gone is still being released: it stays with the guest, unused.
  if (change == BalloonPages::Change::kComplete && held_.hold(BalloonPages::unit_of(page_frame))) {
    pages_.note_held(page_frame);
  }
  ++counts_.inflate_entries;
  set_held(pages_.bytes());
  return true;
}

void Balloon::set_held(std::uint64_t bytes) noexcept {
  counts_.held_bytes = bytes;
  counts_.held_bytes_max = std::max(counts_.held_bytes_max, bytes);
}

void Balloon::serve_deflate() noexcept {
  VirtQueue& queue = queues_[kDeflateQueue];
  queue.arm();
  while (!waiting_) {
    auto chain = queue.pop();
    if (!chain) {
      break;
    }
    if (const auto fault = deflate(*chain)) {
      // No acknowledgement: the guest may not use even what the request named rightly.
      chain->release();
      ++session_;
      releases_ = 0;
      queue.fail(*fault);
    } else if (releases_ > 0) {
      ++counts_.acks_later;
      waiting_.emplace(std::move(*chain));
    } else {
      ++counts_.acks_at_once;
      queue.push_used(std::move(*chain));
    }
  }
  queue.signal();
}

std::optional<QueueFault> Balloon::deflate(DescriptorChain& chain) noexcept {
  const auto bytes = take_request(chain, early() ? sizeof(RangeEntry) : sizeof(std::uint32_t));
  if (!bytes) {
    return QueueFault::kBadRequest;
  }
  const bool good = early() ? std::ranges::all_of(entries<RangeEntry>(*bytes),
                                                  [this](const auto& entry) { return deflate_range(entry); })
                            : std::ranges::all_of(entries<std::uint32_t>(*bytes),
                                                  [this](std::uint32_t page) { return deflate_page(page); });
  return good ? std::nullopt : std::optional(QueueFault::kBadRequest);
}

bool Balloon::deflate_range(const RangeEntry& entry) noexcept {
  if (!release({GuestAddress(entry.address), entry.bytes})) {
    return false;
  }
  set_held(counts_.held_bytes - std::min(counts_.held_bytes, entry.bytes));
  return true;
}

bool Balloon::deflate_page(std::uint32_t page_frame) noexcept {
  const BalloonPages::Change change = pages_.go(page_frame);
  set_held(pages_.bytes());
  return change == BalloonPages::Change::kNone ||
         (change == BalloonPages::Change::kBroken && release(BalloonPages::unit_of(page_frame)));
}

bool Balloon::release(GuestRange range) noexcept {
  const auto answer = held_.release(range, {on_released, this, session_});
  if (answer == HeldMemory::Answer::kLater) {
    ++releases_;
  }
  return answer.has_value();
}

void Balloon::on_released(void* self, std::uint64_t session) noexcept {
  auto& balloon = *static_cast<Balloon*>(self);
  const std::lock_guard lock(balloon.mutex());
  if (session != balloon.session_ || --balloon.releases_ > 0) {
    return;
  }
  balloon.queues_[kDeflateQueue].push_used(std::move(*balloon.waiting_));
  balloon.waiting_.reset();
  balloon.serve_deflate();
}

}  // namespace mayfly::virtio
