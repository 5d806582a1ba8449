// SPDX-License-Identifier: Apache-2.0
#include "vsock/endpoint.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/sparse_memory.hpp"

namespace mayfly::vsock {
namespace {

using State = Connection::State;
using Then = Moved::Then;

}  // namespace

Endpoint::Endpoint(Streams& streams, std::uint64_t guest_cid)
    : streams_(streams),
      guest_cid_(guest_cid),
      memory_(sparse_memory(kConnectionsMax * ReceiveCredit::kBufferBytes)) {
  for (std::size_t slot = 0; slot < entries_.size(); ++slot) {
    entries_[slot].connection =
        Connection(memory_.bytes().subspan(slot * ReceiveCredit::kBufferBytes, ReceiveCredit::kBufferBytes));
  }
}

std::optional<Slot> Endpoint::find(Ports ports) const noexcept {
  for (std::size_t slot = 0; slot < used_; ++slot) {
    const Connection& connection = entries_[slot].connection;
    if (connection.is_known() && connection.ports() == ports) {
      return static_cast<Slot>(slot);
    }
  }
  return std::nullopt;
}

std::optional<Slot> Endpoint::take_free(std::size_t slots) noexcept {
  for (std::size_t slot = 0; slot < slots; ++slot) {
    if (entries_[slot].connection.state() == State::kFree) {
      Entry& entry = entries_[slot];
      entry.has_stream = entry.readable = entry.hung_up = entry.output_ended = entry.input_ended = false;
      used_ = std::max(used_, slot + 1);
      return static_cast<Slot>(slot);
    }
  }
  return std::nullopt;
}

std::uint32_t Endpoint::take_port() noexcept {
  const auto is_taken = [&](std::uint32_t port) {
    return std::any_of(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(used_),
                       [&](const Entry& entry) {
                         return entry.connection.is_known() && entry.connection.ports().host == port;
                       });
  };
  // There are more ports than connections.
  std::uint32_t port = 0;
  do {
    port = next_port_;
    next_port_ = next_port_ + 1 < 2 * kFirstPort ? next_port_ + 1 : kFirstPort;
  } while (is_taken(port));
  return port;
}

void Endpoint::take(const Header& header, std::span<const std::byte> payload) noexcept {
  MAYFLY_ASSERT(may_take() && payload.size() == header.bytes);
  const Result<Packet, PacketFault> packet = parse(header, guest_cid_);
  const Ports ports{.host = header.destination_port, .guest = header.source_port};
  if (packet) {
    if (const auto slot = find(ports)) {
      hear(*slot, *packet, payload);
    } else if (packet->operation == Operation::kRequest) {
      take_request(*packet);
    } else if (packet->operation != Operation::kReset) {
      resets_.add({ports, header.type});
    }
    return;
  }
  switch (packet.error()) {
    case PacketFault::kWrongSource:
    case PacketFault::kWrongDestination:
      ++counts_.dropped;
      break;
    case PacketFault::kUnknownType:
      // 5.10.6.4.2: a RST reply MUST be sent. To a RST there is none, or two sides could go on for ever.
      if (header.operation != static_cast<std::uint16_t>(Operation::kReset)) {
        resets_.add({ports, header.type});
      }
      break;
    case PacketFault::kUnknownOperation:
      if (const auto slot = find(ports)) {
        ++counts_.violations;
        finish(*slot);
      } else {
        resets_.add({ports, header.type});
      }
      break;
  }
}

void Endpoint::take_request(const Packet& packet) noexcept {
  const auto slot = take_free(kGuestSlots);
  if (!slot) {
    resets_.add({packet.ports, static_cast<std::uint16_t>(SocketType::kStream)});
    return;
  }
  Entry& entry = entries_[*slot];
  entry.connection.accept(packet);
  const Streams::Connect answer = streams_.connect(*slot, packet.ports.host);
  entry.has_stream = answer != Streams::Connect::kRefused;
  if (answer == Streams::Connect::kLater) {
    entry.deadline_ns = now_ns_ + kAnswerWithinNs;
  } else if (answer == Streams::Connect::kConnected) {
    connected(*slot);
  } else {
    finish(*slot);
  }
}

void Endpoint::connected(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  if (entry.connection.state() != State::kConnecting) {
    return;
  }
  entry.connection.granted();
  entry.readable = true;
  ++counts_.opened;
  set_deadline(slot);
  settle(slot);
}

void Endpoint::refused(Slot slot) noexcept {
  if (entries_[slot].connection.state() == State::kConnecting) {
    finish(slot);
  }
}

std::optional<Slot> Endpoint::ask(std::uint32_t guest_port) noexcept {
  const auto slot = take_free(kConnectionsMax);
  if (slot) {
    Entry& entry = entries_[*slot];
    entry.connection.ask({.host = take_port(), .guest = guest_port});
    entry.has_stream = true;
    entry.deadline_ns = now_ns_ + kAnswerWithinNs;
    enqueue(*slot);
  }
  return slot;
}

void Endpoint::hear(Slot slot, const Packet& packet, std::span<const std::byte> payload) noexcept {
  Entry& entry = entries_[slot];
  switch (entry.connection.hear(packet)) {
    case Connection::Heard::kNothing:
    case Connection::Heard::kShutdown:
      break;
    case Connection::Heard::kGranted:
      ++counts_.opened;
      entry.readable = true;
      streams_.granted(slot, entry.connection.ports().host);
      if (entry.hung_up) {
        client_reads_no_more(slot);
      }
      break;
    case Connection::Heard::kData:
      counts_.bytes_to_host += payload.size();
      deliver(slot, payload);
      break;
    case Connection::Heard::kOver:
      peer_reset(slot);
      return;
    case Connection::Heard::kViolation:
      ++counts_.violations;
      finish(slot);
      return;
  }
  set_deadline(slot);
  settle(slot);
}

void Endpoint::deliver(Slot slot, std::span<const std::byte> payload) noexcept {
  Connection& connection = entries_[slot].connection;
  if ((connection.client_ends() & kNoReceiving) != 0) {
    connection.forwarded(payload.size());
    return;
  }
  Moved moved;
  if (connection.held().size() == 0 && !payload.empty()) {
    moved = streams_.write(slot, payload);
  }
  connection.forwarded(moved.bytes);
  const std::span<const std::byte> rest = payload.subspan(moved.bytes);
  // The credit that it was sent for is room in there.
  MAYFLY_ASSERT(connection.held().put(rest) == rest.size());
  if (moved.then == Then::kOver) {
    client_reads_no_more(slot);
  }
}

void Endpoint::flush(Slot slot) noexcept {
  Connection& connection = entries_[slot].connection;
  while (connection.held().size() > 0) {
    const std::span<const std::byte> front = connection.held().front();
    const Moved moved = streams_.write(slot, front);
    connection.held().consumed(moved.bytes);
    connection.forwarded(moved.bytes);
    if (moved.then == Then::kOver) {
      client_reads_no_more(slot);
    } else if (moved.bytes < front.size()) {
      return;
    }
  }
}

void Endpoint::client_reads_no_more(Slot slot) noexcept {
  Connection& connection = entries_[slot].connection;
  connection.forwarded(connection.held().size());
  connection.held().clear();
  if (connection.is_open()) {
    connection.end_client(kNoReceiving);
  }
}

void Endpoint::ready(Slot slot, Readiness what) noexcept {
  Entry& entry = entries_[slot];
  entry.hung_up = entry.hung_up || (what & kHungUp) != 0;
  if (!entry.has_stream || (!entry.connection.is_open() && entry.connection.state() != State::kDraining)) {
    return;
  }
  entry.readable = entry.readable || (what & (kReadable | kHungUp)) != 0;
  if (entry.hung_up) {
    client_reads_no_more(slot);
  } else if ((what & kWritable) != 0) {
    flush(slot);
  }
  set_deadline(slot);
  settle(slot);
}

void Endpoint::peer_reset(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  if (!entry.connection.is_open() || !entry.has_stream || entry.connection.held().size() == 0) {
    release(slot);
    return;
  }
  entry.connection.drain();
  set_deadline(slot);
}

void Endpoint::settle(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  Connection& connection = entry.connection;
  const bool nothing_held = connection.held().size() == 0;
  if (connection.state() == State::kDraining && nothing_held) {
    release(slot);
    return;
  }
  if (connection.is_open()) {
    if (connection.guest_ends() == kNothingMore && nothing_held) {
      finish(slot);
      return;
    }
    if (connection.client_ends() == kNothingMore) {
      close_stream(slot);
    }
    if (entry.has_stream && (connection.guest_ends() & kNoSending) != 0 && nothing_held &&
        !entry.output_ended) {
      entry.output_ended = true;
      streams_.end_output(slot);
    }
    if (entry.has_stream && (connection.guest_ends() & kNoReceiving) != 0 && !entry.input_ended) {
      entry.input_ended = true;
      streams_.end_input(slot);
    }
  }
  if (wants_turn(entry)) {
    enqueue(slot);
  }
}

void Endpoint::set_deadline(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  const Connection& connection = entry.connection;
  if (connection.state() == State::kDraining) {
    entry.deadline_ns = now_ns_ + kLingerNs;
  } else if (connection.is_open()) {
    if (connection.client_ends() == kNothingMore) {
      // From when it was told on, whatever the guest sends meanwhile.
      entry.deadline_ns = std::min(entry.deadline_ns, now_ns_ + kAnswerWithinNs);
    } else if (entry.hung_up || connection.guest_ends() == kNothingMore) {
      entry.deadline_ns = now_ns_ + kLingerNs;
    } else {
      entry.deadline_ns = kNever;
    }
  }
}

void Endpoint::close_stream(Slot slot) noexcept {
  Entry& entry = entries_[slot];
  if (entry.has_stream) {
    entry.has_stream = false;
    streams_.close(slot);
  }
}

void Endpoint::finish(Slot slot) noexcept {
  close_stream(slot);
  Entry& entry = entries_[slot];
  entry.deadline_ns = kNever;
  entry.connection.end();
  if (entry.connection.state() == State::kFree) {
    release(slot);
  } else {
    enqueue(slot);
  }
}

void Endpoint::release(Slot slot) noexcept {
  close_stream(slot);
  entries_[slot].deadline_ns = kNever;
  entries_[slot].connection.free();
  while (used_ > 0 && entries_[used_ - 1].connection.state() == State::kFree) {
    --used_;
  }
}

void Endpoint::reset() noexcept {
  resets_.clear();
  for (std::size_t slot = entries_.size(); slot-- > 0;) {
    entries_[slot].is_queued = false;
    release(static_cast<Slot>(slot));
  }
  queue_count_ = 0;
  next_port_ = kFirstPort;
}

std::uint64_t Endpoint::deadline_ns() const noexcept {
  std::uint64_t earliest = kNever;
  for (std::size_t slot = 0; slot < used_; ++slot) {
    earliest = std::min(earliest, entries_[slot].deadline_ns);
  }
  return earliest;
}

void Endpoint::expire() noexcept {
  for (std::size_t slot = used_; slot-- > 0;) {
    if (entries_[slot].deadline_ns > now_ns_) {
      continue;
    }
    if (entries_[slot].connection.is_known()) {
      finish(static_cast<Slot>(slot));
    } else {
      release(static_cast<Slot>(slot));
    }
  }
}

EndpointCounts Endpoint::counts() const noexcept {
  EndpointCounts counts = counts_;
  counts.connections = static_cast<std::uint32_t>(
      std::count_if(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(used_),
                    [](const Entry& entry) { return entry.connection.state() != State::kFree; }));
  return counts;
}

}  // namespace mayfly::vsock
