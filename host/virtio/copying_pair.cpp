// SPDX-License-Identifier: Apache-2.0
#include "virtio/copying_pair.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/buffers.hpp"
#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kEthernetBytes = 14;
constexpr std::uint64_t kVlanBytes = 4;

// The port has no packet, or no room, for the moment.
bool is_for_later(ssize_t result) noexcept { return result == -EAGAIN || result == -EINTR; }

}  // namespace

CopyingPair::CopyingPair(Device& device, std::size_t index, NetEnd end, const NetPairLimits& limits)
    : device_(device),
      index_(index),
      end_(std::move(end)),
      limits_(limits),
      bell_(make_event()),
      port_receives_(index == 0),
      enabled_(index == 0) {
  MAYFLY_ASSERT((limits.receive == nullptr || end_.receive_alarm != nullptr) &&
                (limits.send == nullptr || end_.send_alarm != nullptr));
  const auto watch = [this](int fd, Handler& handler) { return end_.loop.watch(fd, io::kReadable, handler); };
  bool good = bell_ && watch(bell_.get(), bell_handler_) && end_.loop.watch(end_.port.fd(), 0, port_handler_);
  if (limits_.receive != nullptr || limits_.send != nullptr) {
    send_bell_ = make_event();
    good = good && send_bell_ && watch(send_bell_.get(), send_bell_handler_) &&
           (limits_.receive == nullptr || watch(end_.receive_alarm->fd(), receive_alarm_handler_)) &&
           (limits_.send == nullptr || watch(end_.send_alarm->fd(), send_alarm_handler_));
  }
  if (!good) {
    fail_errno("cannot watch " + std::string(end_.port.name()) + " of --net");
  }
}

NetCounts CopyingPair::counts() const noexcept {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void CopyingPair::activate(std::span<VirtQueue> queues, std::uint64_t features,
                           std::uint64_t driver) noexcept {
  {
    const std::lock_guard lock(mutex_);
    queues_ = queues;
    features_ = features;
    driver_ = driver;
    unsettled_ = true;
    for (VirtQueue& queue : queues_) {
      queue.speak_to(*this);
    }
  }
  // The loop's thread takes it from here.
  ring(kReceive);
  if (send_bell_) {
    ring(kSend);
  }
}

void CopyingPair::enable(bool receives) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (enabled_.exchange(receives) == receives) {
      return;
    }
  }
  ring(kReceive);
}

void CopyingPair::reset() noexcept {
  enable(index_ == 0);
  const std::lock_guard lock(mutex_);
  buffers_.forget();
  queues_ = {};
  features_ = 0;
}

void CopyingPair::ring(std::size_t queue) noexcept { ring_event(bell_of(queue)); }

template <typename Work>
void CopyingPair::take_turn(Work&& work) noexcept {
  News news;
  std::uint64_t driver = 0;
  {
    const std::lock_guard lock(mutex_);
    work();
    news = std::exchange(news_, {});
    driver = driver_;
  }
  if (news.any()) {
    device_.tell(index_, driver, news);
  }
}

void CopyingPair::follow_enabled() noexcept {
  if (const bool wanted = enabled_.load(); wanted != port_receives_) {
    port_receives_ = wanted;
    end_.port.set_receives(wanted);
  }
}

void CopyingPair::on_bell(io::Readiness /*what*/) noexcept {
  const std::uint64_t count = take_event(bell_.get());
  if (count == 0) {
    return;
  }
  follow_enabled();
  bool has_driver = false;
  take_turn([&] {
    counts_.notifications += count;
    has_driver = !queues_.empty();
    if (!has_driver) {
      return;
    }
    settle();
    if (!send_bell_) {
      send();
    }
    // There may be buffers again.
    listen(io::kReadable);
  });
  if (!has_driver) {
    device_.rung_without_a_pair();
  }
}

void CopyingPair::on_send_bell(io::Readiness /*what*/) noexcept {
  const std::uint64_t count = take_event(send_bell_.get());
  take_turn([&] {
    counts_.notifications += count;
    if (count != 0 && !queues_.empty()) {
      settle();
      send();
    }
  });
}

void CopyingPair::on_send_alarm(io::Readiness /*what*/) noexcept {
  take_turn([&] {
    end_.send_alarm->clear();
    (void)end_.loop.change(send_bell_.get(), io::kReadable, send_bell_handler_);
    if (!queues_.empty()) {
      settle();
      send();
    }
  });
}

void CopyingPair::on_receive_alarm(io::Readiness /*what*/) noexcept {
  take_turn([&] {
    end_.receive_alarm->clear();
    (void)end_.loop.change(bell_.get(), io::kReadable, bell_handler_);
    listen(io::kReadable);
  });
}

void CopyingPair::on_port(io::Readiness what) noexcept {
  take_turn([&] {
    if ((what & io::kBroken) != 0) {
      lose_port();
      return;
    }
    if ((what & io::kWritable) != 0) {
      end_.port.flush();
      listen(listening_ & io::kReadable);
      if (!end_.port.is_full()) {
        ring(kSend);
      }
    }
    if (queues_.empty() || unsettled_ || !enabled_.load()) {
      listen(0);
    } else if ((what & io::kReadable) != 0) {
      receive();
    }
  });
}

void CopyingPair::hold_send(std::uint64_t until) noexcept {
  end_.send_alarm->set(until);
  (void)end_.loop.change(send_bell_.get(), 0, send_bell_handler_);
}

void CopyingPair::hold_receive(std::uint64_t until) noexcept {
  end_.receive_alarm->set(until);
  (void)end_.loop.change(bell_.get(), 0, bell_handler_);
  listen(0);
}

void CopyingPair::settle() noexcept {
  if (std::exchange(unsettled_, false)) {
    end_.port.set_offloads(offloads_of(features_));
  }
}

void CopyingPair::listen(io::Readiness what) noexcept {
  what = static_cast<io::Readiness>(what | (end_.port.is_full() ? io::kWritable : 0));
  if (what != listening_ && !port_lost_ && end_.loop.change(end_.port.fd(), what, port_handler_)) {
    listening_ = what;
  }
}

void CopyingPair::lose_port() noexcept {
  port_lost_ = true;
  end_.loop.forget(end_.port.fd(), port_handler_);
  news_.port_is_lost = true;
  ring(kSend);  // what has waited for room there is given back
}

bool CopyingPair::holds_send() noexcept {
  if (!port_lost_ && end_.port.is_full()) {
    return true;
  }
  if (limits_.send != nullptr) {
    if (const auto until = limits_.send->held_until(send_now())) {
      hold_send(*until);
      return true;
    }
  }
  return false;
}

void CopyingPair::send() noexcept {
  if (send_turn()) {
    ring(kSend);
  }
  queues_[kSend].signal();
  // The port may have no room now.
  listen(listening_ & io::kReadable);
}

bool CopyingPair::send_turn() noexcept {
  VirtQueue& queue = queues_[kSend];
  std::size_t left = kBudget;
  // The driver need not ring while we look anyway, nor while its packets wait.
  for (queue.arm(); queue.has_counted() && left > 0; queue.arm()) {
    queue.disarm();
    for (; left > 0; --left) {
      if (queue.has_counted() && holds_send()) {
        return false;
      }
      auto chain = queue.pop();
      if (!chain) {
        break;
      }
      if (limits_.send != nullptr) {
        const std::uint64_t bytes = chain->readable() - std::min(chain->readable(), sizeof(NetHeader));
        limits_.send->take(std::min(bytes, kPacketBytesMax), send_now());
      }
      const std::optional<QueueFault> fault = send_one(*chain);
      queue.push_used(std::move(*chain));
      if (fault) {
        queue.fail(*fault);
      }
    }
  }
  return queue.has_counted();
}

std::optional<QueueFault> CopyingPair::send_one(DescriptorChain& chain) noexcept {
  if (chain.writable() > 0 || chain.readable() < sizeof(NetHeader)) {
    return QueueFault::kBadRequest;
  }
  if (chain.readable() > sizeof(NetHeader) + kPacketBytesMax) {
    return QueueFault::kBytesTooMany;
  }
  std::array<iovec, DescriptorChain::kSegmentsMax> room;
  const std::uint64_t bytes = chain.readable();
  // Linux copies it and checks what its header says (virtio_net_hdr_to_skb).
  const ssize_t sent = port_lost_ ? -ENODEV : end_.port.send(chain.readable_pieces(bytes, room));
  if (sent < 0) {
    ++counts_.sent_dropped;
  } else {
    ++counts_.sent_packets;
    counts_.sent_bytes += bytes - sizeof(NetHeader);
  }
  return std::nullopt;
}

void CopyingPair::receive() noexcept {
  VirtQueue& queue = queues_[kReceive];
  if (limits_.receive != nullptr) {
    if (const auto until = limits_.receive->held_until(receive_now())) {
      hold_receive(*until);
      return;
    }
  }
  for (std::size_t left = kBudget; left > 0; --left) {
    const Received received = receive_one();
    if (received == Received::kNoBuffer) {
      // The driver rings when it has one.
      listen(0);
    }
    if (received != Received::kOne) {
      break;
    }
    // Where more waits we are called again.
    if (limits_.receive != nullptr && !limits_.receive->has_tokens(receive_now())) {
      break;
    }
  }
  queue.signal();
}

bool CopyingPair::takes_spill(std::size_t chains, std::uint64_t room, std::uint64_t bytes) noexcept {
  if (bytes <= room) {
    return true;
  }
  std::array<iovec, kPiecesMax> pieces;
  const auto guest = buffers_.packet_pieces(chains, pieces);
  if (bytes > total_bytes(guest)) {
    return false;
  }
  copy_to(guest, room, std::span(spill_).first(bytes - room));
  return true;
}

CopyingPair::Received CopyingPair::receive_one() noexcept {
  VirtQueue& queue = queues_[kReceive];
  const io::Offloads taken = offloads_of(features_);
  const std::size_t chains = (features_ & kNetMergeable) != 0 ? NetBuffers::kChainsMax : 1;
  const std::uint64_t longest =
      takes_segments(taken) ? kPacketBytesMax : end_.port.mtu() + kEthernetBytes + kVlanBytes;
  if (!buffers_.gather(queue, sizeof(NetHeader) + longest, chains)) {
    return Received::kNoBuffer;
  }
  // The header comes to us, the packet goes to the driver, and what is longer than expected beside.
  NetHeader header{};
  std::array<iovec, kPiecesMax + 2> pieces;
  pieces[0] = {&header, sizeof(header)};
  const std::size_t expected = small_in_a_row_ < kSmallInARow ? chains : std::min(chains, kSmallChains);
  const auto guest = buffers_.packet_pieces(expected, std::span(pieces).subspan(1, kPiecesMax));
  const std::uint64_t room = total_bytes(guest);
  pieces[guest.size() + 1] = {spill_.data(), spill_.size()};
  const ssize_t got = end_.port.receive(std::span(pieces).first(guest.size() + 2));
  if (got <= 0) {
    if (got != 0 && !is_for_later(got)) {
      lose_port();
    }
    return Received::kNoPacket;
  }
  const auto bytes = static_cast<std::uint64_t>(got);
  small_in_a_row_ = bytes > kSmallBytes ? 0 : std::min(small_in_a_row_ + 1, kSmallInARow);
  if (limits_.receive != nullptr) {
    limits_.receive->take(bytes - std::min(bytes, sizeof(header)), receive_now());
  }
  if (bytes < sizeof(header) || !is_taken(header, taken) ||
      !takes_spill(chains, room, bytes - sizeof(header))) {
    ++counts_.received_dropped;
    return Received::kOne;
  }
  ++counts_.received_packets;
  counts_.received_bytes += bytes - sizeof(header);
  buffers_.give(queue, header, bytes - sizeof(header));
  return Received::kOne;
}

}  // namespace mayfly::virtio
