// SPDX-License-Identifier: Apache-2.0
#include "vsock/connection.hpp"

#include "base/error.hpp"

namespace mayfly::vsock {

Operation operation_of(News news) noexcept {
  switch (news) {
    case kTellRequest:
      return Operation::kRequest;
    case kTellResponse:
      return Operation::kResponse;
    case kTellCreditUpdate:
      return Operation::kCreditUpdate;
    case kTellCreditRequest:
      return Operation::kCreditRequest;
    case kTellShutdown:
      return Operation::kShutdown;
    default:
      return Operation::kReset;
  }
}

void Connection::begin(Ports ports, State state, News news) noexcept {
  MAYFLY_ASSERT(state_ == State::kFree);
  ports_ = ports;
  state_ = state;
  news_ = news;
  guest_ends_ = client_ends_ = 0;
  send_ = {};
  receive_ = {};
  held_.clear();
}

void Connection::ask(Ports ports) noexcept { begin(ports, State::kAsked, kTellRequest); }

void Connection::accept(const Packet& request) noexcept {
  begin(request.ports, State::kConnecting, 0);
  send_.told(request.buffer_bytes, request.forwarded_bytes);
}

void Connection::granted() noexcept {
  MAYFLY_ASSERT(state_ == State::kConnecting);
  state_ = State::kOpen;
  news_ |= kTellResponse;
}

Connection::Heard Connection::hear(const Packet& packet) noexcept {
  MAYFLY_ASSERT(is_known());
  if (packet.operation == Operation::kReset) {
    return Heard::kOver;
  }
  send_.told(packet.buffer_bytes, packet.forwarded_bytes);
  if (state_ == State::kReset) {
    return Heard::kNothing;  // RST is on its way.
  }
  if (state_ == State::kOpen) {
    return hear_open(packet);
  }
  // Linux tells when a socket's buffer changes, in any state (virtio_transport_notify_buffer_size).
  if (packet.operation == Operation::kCreditUpdate) {
    return Heard::kNothing;
  }
  if (state_ == State::kAsked && packet.operation == Operation::kResponse && (news_ & kTellRequest) == 0) {
    state_ = State::kOpen;
    return Heard::kGranted;
  }
  return Heard::kViolation;
}

Connection::Heard Connection::hear_open(const Packet& packet) noexcept {
  switch (packet.operation) {
    case Operation::kReadWrite:
      if ((guest_ends_ & kNoSending) != 0 || !receive_.received(packet.bytes)) {
        return Heard::kViolation;
      }
      return Heard::kData;
    case Operation::kCreditUpdate:
      return Heard::kNothing;
    case Operation::kCreditRequest:
      news_ |= kTellCreditUpdate;
      return Heard::kNothing;
    case Operation::kShutdown:
      guest_ends_ |= packet.flags & kNothingMore;
      return Heard::kShutdown;
    case Operation::kRequest:
    case Operation::kResponse:
    case Operation::kReset:
      break;
  }
  return Heard::kViolation;
}

void Connection::end_client(std::uint32_t what) noexcept {
  MAYFLY_ASSERT(is_open());
  if ((what & ~client_ends_) != 0) {
    client_ends_ |= what;
    news_ |= kTellShutdown;
  }
}

void Connection::end() noexcept {
  MAYFLY_ASSERT(is_known());
  // A guest that has not been asked yet has nothing to be told.
  const bool unasked = (news_ & kTellRequest) != 0;
  state_ = unasked ? State::kFree : State::kReset;
  news_ = unasked ? News{0} : kTellReset;
  held_.clear();
}

void Connection::drain() noexcept {
  state_ = State::kDraining;
  news_ = 0;
}

void Connection::free() noexcept {
  state_ = State::kFree;
  news_ = 0;
  held_.clear();
}

std::uint32_t Connection::room_at_guest() const noexcept {
  const bool over = (client_ends_ & kNoSending) != 0 || (guest_ends_ & kNoReceiving) != 0;
  return is_open() && !over ? send_.available() : 0;
}

Packet Connection::packet(Operation operation) noexcept {
  return {.ports = ports_,
          .operation = operation,
          .bytes = 0,
          .flags = 0,
          .buffer_bytes = ReceiveCredit::kBufferBytes,
          .forwarded_bytes = receive_.tell()};
}

Packet Connection::tell() noexcept {
  MAYFLY_ASSERT(news_ != 0);
  const auto told = static_cast<News>(news_ & -news_);
  news_ &= static_cast<News>(~told);
  Packet packet = this->packet(operation_of(told));
  if (told == kTellShutdown) {
    packet.flags = client_ends_;
  }
  return packet;
}

Packet Connection::data(std::uint32_t bytes) noexcept {
  MAYFLY_ASSERT(bytes > 0 && bytes <= room_at_guest());
  send_.sent(bytes);
  if (send_.available() == 0) {
    news_ |= kTellCreditRequest;
  }
  Packet packet = this->packet(Operation::kReadWrite);
  packet.bytes = bytes;
  return packet;
}

void Connection::forwarded(std::size_t bytes) noexcept {
  receive_.forwarded(static_cast<std::uint32_t>(bytes));
  if (is_open() && receive_.should_tell()) {
    news_ |= kTellCreditUpdate;
  }
}

}  // namespace mayfly::vsock
