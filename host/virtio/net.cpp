// SPDX-License-Identifier: Apache-2.0
#include "virtio/net.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buffers.hpp"
#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kEthernetBytes = 14;
constexpr std::uint64_t kVlanBytes = 4;

// The port has no packet, or no room, for the moment.
bool is_for_later(ssize_t result) noexcept { return result == -EAGAIN || result == -EINTR; }

}  // namespace

Net::Net(io::PacketPort& port, io::EventLoop& loop, const Mac& mac, NetLimits limits)
    : port_(port),
      loop_(loop),
      limits_(std::move(limits)),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      config_{mac, kNetLinkUp, 1, port.mtu()} {
  const auto watch = [&loop](int fd, Handler& handler) { return loop.watch(fd, io::kReadable, handler); };
  bool good = bell_ && watch(bell_.get(), bell_handler_) && loop.watch(port.fd(), 0, port_handler_);
  if (limits_.receive || limits_.send) {
    send_bell_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    good = good && send_bell_ && watch(send_bell_.get(), send_bell_handler_) &&
           (!limits_.receive || watch(limits_.receive->alarm->fd(), receive_alarm_handler_)) &&
           (!limits_.send || watch(limits_.send->alarm->fd(), send_alarm_handler_));
  }
  if (!good) {
    fail_errno("cannot watch " + std::string(port.name()) + " of --net");
  }
}

std::uint64_t Net::offered_features() const noexcept {
  return features_of(port_.offered()) | kNetMac | kNetMtu | kNetStatus | kNetMergeable |
         kFeatureIndirectDescriptors | kFeatureEventIndex;
}

NetCounts Net::counts() const noexcept {
  const std::lock_guard lock(mutex());
  NetCounts counts = counts_;
  if (limits_.send) {
    counts.send_waits = limits_.send->limit.counts(limits_.send->alarm->now());
  }
  if (limits_.receive) {
    counts.receive_waits = limits_.receive->limit.counts(limits_.receive->alarm->now());
  }
  return counts;
}

void Net::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  link_ = activation.link;
  features_ = activation.features;
  unsettled_ = true;
  // The loop's thread takes it from here.
  ring(kReceiveQueue);
  if (send_bell_) {
    ring(kSendQueue);
  }
}

void Net::notify(std::uint16_t queue) noexcept { ring(queue); }

void Net::reset() noexcept {
  buffers_.forget();
  queues_ = {};
  link_ = nullptr;
  features_ = 0;
  for (std::optional<NetLimit>* const each : {&limits_.receive, &limits_.send}) {
    if (*each) {
      (*each)->limit.let_go((*each)->alarm->now());
    }
  }
}

void Net::ring(std::size_t queue) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_of(queue), &one, sizeof(one));  // full: it rings
}

std::uint64_t Net::take_rings(const Fd& bell) noexcept {
  std::uint64_t count = 0;
  return ::read(bell.get(), &count, sizeof(count)) == sizeof(count) ? count : 0;
}

void Net::on_bell(io::Readiness /*what*/) noexcept {
  const std::uint64_t count = take_rings(bell_);
  if (count == 0) {
    return;
  }
  const std::lock_guard lock(mutex());
  counts_.notifications += count;
  if (queues_.empty()) {
    return;
  }
  settle();
  if (!send_bell_) {
    send();
  }
  // There may be buffers again.
  listen(io::kReadable);
}

void Net::on_send_bell(io::Readiness /*what*/) noexcept {
  const std::uint64_t count = take_rings(send_bell_);
  const std::lock_guard lock(mutex());
  counts_.notifications += count;
  if (count != 0 && !queues_.empty()) {
    settle();
    send();
  }
}

void Net::on_send_alarm(io::Readiness /*what*/) noexcept {
  const std::lock_guard lock(mutex());
  limits_.send->alarm->clear();
  (void)loop_.change(send_bell_.get(), io::kReadable, send_bell_handler_);
  if (!queues_.empty()) {
    settle();
    send();
  }
}

void Net::on_receive_alarm(io::Readiness /*what*/) noexcept {
  const std::lock_guard lock(mutex());
  limits_.receive->alarm->clear();
  (void)loop_.change(bell_.get(), io::kReadable, bell_handler_);
  listen(io::kReadable);
}

void Net::hold_send() noexcept {
  limits_.send->alarm->set(limits_.send->limit.resume_at());
  (void)loop_.change(send_bell_.get(), 0, send_bell_handler_);
}

void Net::hold_receive() noexcept {
  limits_.receive->alarm->set(limits_.receive->limit.resume_at());
  (void)loop_.change(bell_.get(), 0, bell_handler_);
  listen(0);
}

void Net::settle() noexcept {
  if (std::exchange(unsettled_, false)) {
    port_.set_offloads(offloads_of(features_));
  }
}

void Net::on_port(io::Readiness what) noexcept {
  const std::lock_guard lock(mutex());
  if ((what & io::kBroken) != 0) {
    lose_port();
    return;
  }
  if ((what & io::kWritable) != 0) {
    port_.flush();
    listen(listening_ & io::kReadable);
    if (!port_.is_full()) {
      ring(kSendQueue);
    }
  }
  if (queues_.empty() || unsettled_) {
    listen(0);
  } else if ((what & io::kReadable) != 0) {
    receive();
  }
}

void Net::listen(io::Readiness what) noexcept {
  what = static_cast<io::Readiness>(what | (port_.is_full() ? io::kWritable : 0));
  if (what != listening_ && !port_lost_ && loop_.change(port_.fd(), what, port_handler_)) {
    listening_ = what;
  }
}

void Net::lose_port() noexcept {
  port_lost_ = true;
  loop_.forget(port_.fd(), port_handler_);
  config_.status = 0;
  ring(kSendQueue);  // what has waited for room there is given back
  const std::string_view name = port_.name();
  (void)std::fprintf(stderr, "mayfly: %.*s of --net is gone; the guest has no link there any more\n",
                     static_cast<int>(name.size()), name.data());
  if (link_ != nullptr) {
    link_->config_interrupt();
  }
}

bool Net::holds_send() noexcept {
  if (!port_lost_ && port_.is_full()) {
    return true;
  }
  if (limits_.send && !limits_.send->limit.passes(limits_.send->alarm->now())) {
    hold_send();
    return true;
  }
  return false;
}

void Net::send() noexcept {
  if (send_turn()) {
    ring(kSendQueue);
  }
  queues_[kSendQueue].signal();
  // The port may have no room now.
  listen(listening_ & io::kReadable);
}

bool Net::send_turn() noexcept {
  VirtQueue& queue = queues_[kSendQueue];
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
      if (limits_.send) {
        const std::uint64_t bytes = chain->readable() - std::min(chain->readable(), sizeof(NetHeader));
        limits_.send->limit.take(std::min(bytes, kPacketBytesMax), limits_.send->alarm->now());
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

std::optional<QueueFault> Net::send_one(DescriptorChain& chain) noexcept {
  if (chain.writable() > 0 || chain.readable() < sizeof(NetHeader)) {
    return QueueFault::kBadRequest;
  }
  if (chain.readable() > sizeof(NetHeader) + kPacketBytesMax) {
    return QueueFault::kBytesTooMany;
  }
  std::array<iovec, DescriptorChain::kSegmentsMax> room;
  const std::uint64_t bytes = chain.readable();
  // Linux copies it and checks what its header says (virtio_net_hdr_to_skb).
  const ssize_t sent = port_lost_ ? -ENODEV : port_.send(chain.readable_pieces(bytes, room));
  if (sent < 0) {
    ++counts_.sent_dropped;
  } else {
    ++counts_.sent_packets;
    counts_.sent_bytes += bytes - sizeof(NetHeader);
  }
  return std::nullopt;
}

void Net::receive() noexcept {
  VirtQueue& queue = queues_[kReceiveQueue];
  if (limits_.receive && !limits_.receive->limit.passes(limits_.receive->alarm->now())) {
    hold_receive();
    return;
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
    if (limits_.receive && !limits_.receive->limit.has_tokens(limits_.receive->alarm->now())) {
      break;
    }
  }
  queue.signal();
}

Net::Received Net::receive_one() noexcept {
  VirtQueue& queue = queues_[kReceiveQueue];
  const io::Offloads taken = offloads_of(features_);
  const std::size_t chains = (features_ & kNetMergeable) != 0 ? NetBuffers::kChainsMax : 1;
  const std::uint64_t longest =
      takes_segments(taken) ? kPacketBytesMax : config_.mtu + kEthernetBytes + kVlanBytes;
  if (!buffers_.gather(queue, sizeof(NetHeader) + longest, chains)) {
    return Received::kNoBuffer;
  }
  // The header comes to us, the packet goes to the driver, and what does not fit beside.
  NetHeader header{};
  std::array<iovec, kPiecesMax + 2> pieces;
  pieces[0] = {&header, sizeof(header)};
  const auto guest = buffers_.packet_pieces(chains, std::span(pieces).subspan(1, kPiecesMax));
  const std::uint64_t room = total_bytes(guest);
  pieces[guest.size() + 1] = {spill_.data(), spill_.size()};
  const ssize_t got = port_.receive(std::span(pieces).first(guest.size() + 2));
  if (got <= 0) {
    if (got != 0 && !is_for_later(got)) {
      lose_port();
    }
    return Received::kNoPacket;
  }
  const auto bytes = static_cast<std::uint64_t>(got);
  if (limits_.receive) {
    limits_.receive->limit.take(bytes - std::min(bytes, sizeof(header)), limits_.receive->alarm->now());
  }
  if (bytes < sizeof(header) || bytes - sizeof(header) > room || !is_taken(header, taken)) {
    ++counts_.received_dropped;
    return Received::kOne;
  }
  ++counts_.received_packets;
  counts_.received_bytes += bytes - sizeof(header);
  buffers_.give(queue, header, bytes - sizeof(header));
  return Received::kOne;
}

}  // namespace mayfly::virtio
