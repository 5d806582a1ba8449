// SPDX-License-Identifier: Apache-2.0
// What goes to the guest.
#include <algorithm>

#include "base/error.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::vsock {

bool Endpoint::wants_turn(const Entry& entry) noexcept {
  return entry.connection.news() != 0 ||
         (entry.has_stream && entry.readable && entry.connection.room_at_guest() > 0);
}

void Endpoint::enqueue(Slot slot) noexcept {
  if (!entries_[slot].is_queued) {
    entries_[slot].is_queued = true;
    queue_[(queue_begin_ + queue_count_++) % queue_.size()] = slot;
  }
}

Slot Endpoint::dequeue() noexcept {
  const Slot slot = queue_[queue_begin_];
  queue_begin_ = (queue_begin_ + 1) % queue_.size();
  --queue_count_;
  entries_[slot].is_queued = false;
  return slot;
}

std::optional<Header> Endpoint::next(std::span<std::byte> room) noexcept {
  if (!resets_.empty()) {
    const ResetList::Entry reset = resets_.take();
    return compose({.ports = reset.ports, .operation = Operation::kReset}, guest_cid_, reset.type);
  }
  // A slot comes again only with something to send: one that has nothing leaves the queue.
  while (queue_count_ > 0) {
    const Slot slot = dequeue();
    if (const auto packet = packet_of(slot, room)) {
      return compose(*packet, guest_cid_);
    }
  }
  return std::nullopt;
}

std::optional<Packet> Endpoint::packet_of(Slot slot, std::span<std::byte> room) noexcept {
  Entry& entry = entries_[slot];
  Connection& connection = entry.connection;
  std::optional<Packet> packet;
  if (connection.news() == 0 && wants_turn(entry)) {
    const Moved moved =
        streams_.read(slot, room.first(std::min<std::size_t>(room.size(), connection.room_at_guest())));
    if (moved.bytes > 0) {
      counts_.bytes_to_guest += moved.bytes;
      packet = connection.data(static_cast<std::uint32_t>(moved.bytes));
    } else if (moved.then == Moved::Then::kOver) {
      connection.end_client(kNoSending);
    } else {
      entry.readable = false;
    }
    set_deadline(slot);
  }
  if (!packet && connection.news() != 0) {
    packet = connection.tell();
    if (packet->operation == Operation::kReset) {
      release(slot);
      return packet;
    }
  }
  settle(slot);
  return packet;
}

}  // namespace mayfly::vsock
