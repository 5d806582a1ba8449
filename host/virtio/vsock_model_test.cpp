// SPDX-License-Identifier: Apache-2.0
// Random operations of a guest that keeps the rules and of clients, against what must come of them: all bytes
// arrive, once and in their order, whoever is slow, and a connection ends when both have had all.
#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "testing/vsock_device_fixture.hpp"

namespace mayfly::virtio {
namespace {

using vsock::Endpoint;
using vsock::Header;
using vsock::Operation;

/// The guest's side of a connection, as Linux has it.
struct Socket {
  vsock::Slot slot = 0;
  std::uint32_t buffer_bytes = 0;
  // What came from the host, how much of it was told, and what the program has read.
  std::string received;
  std::size_t read = 0;
  // What was sent, and how much of that the host has passed on.
  std::uint32_t sent = 0;
  std::uint32_t forwarded = 0;
  // How much of what its client got was looked at.
  std::size_t checked = 0;
  bool host_sends_no_more = false;
  bool is_over = false;
};

class VsockModelTest : public testing::VsockDeviceFixture {
 protected:
  /// The two sequences of a connection: byte number i is a function of i and the port.
  static char byte(std::uint32_t port, std::size_t at, int way) {
    return static_cast<char>((at * 131 + (at >> 8U) * 7 + port * 17 + static_cast<unsigned>(way)) & 0xffU);
  }
  static std::string bytes(std::uint32_t port, std::size_t from, std::size_t count, int way) {
    std::string text(count, '\0');
    for (std::size_t i = 0; i < count; ++i) {
      text[i] = byte(port, from + i, way);
    }
    return text;
  }
  std::size_t draw(std::size_t from, std::size_t to) {
    return std::uniform_int_distribution<std::size_t>(from, to)(random_);
  }

  void guest_sends(vsock::Ports ports, Socket& socket, Operation operation, const std::string& payload = {},
                   std::uint32_t flags = 0) {
    Header header = testing::from_guest(ports, operation, static_cast<std::uint32_t>(payload.size()), flags);
    header.buffer_bytes = socket.buffer_bytes;
    header.forwarded_bytes = static_cast<std::uint32_t>(socket.read);
    transmit_.chain().readable(bytes_of(header) + payload).publish();
    ring();
  }
  void guest_receives() {
    while (const auto seen = receive()) {
      ++buffers_used_;
      hear(*seen);
    }
  }
  void hear(const Seen& seen) {
    const auto found = sockets_.find(seen.ports().host);
    ASSERT_NE(found, sockets_.end());
    Socket& socket = found->second;
    ASSERT_FALSE(socket.is_over);
    socket.forwarded = seen.header.forwarded_bytes;
    ASSERT_LE(socket.sent - socket.forwarded, vsock::ReceiveCredit::kBufferBytes);
    switch (seen.operation()) {
      case Operation::kReadWrite:
        ASSERT_FALSE(socket.host_sends_no_more);
        ASSERT_EQ(seen.payload, bytes(seen.ports().host, socket.received.size(), seen.payload.size(), 1));
        socket.received += seen.payload;
        ASSERT_LE(socket.received.size() - socket.read, socket.buffer_bytes);
        break;
      case Operation::kCreditRequest:
        guest_sends(seen.ports(), socket, Operation::kCreditUpdate);
        break;
      case Operation::kShutdown:
        socket.host_sends_no_more = (seen.header.flags & vsock::kNoSending) != 0;
        break;
      case Operation::kReset:
        socket.is_over = true;
        break;
      default:
        ASSERT_EQ(seen.operation(), Operation::kCreditUpdate);
        break;
    }
  }
  void open() {
    const auto slot = device_->ask(5000);
    ASSERT_TRUE(slot);
    client_sent_[*slot] = 0;
    (void)streams_.client(*slot);
    const auto request = receive();
    ASSERT_TRUE(request);
    ++buffers_used_;
    Socket socket{.slot = *slot, .buffer_bytes = static_cast<std::uint32_t>(draw(1, 20000)), .received = {}};
    streams_.client(*slot).takes = 0;
    guest_sends(request->ports(), socket, Operation::kResponse);
    sockets_[request->ports().host] = socket;
  }

  /// One thing that somebody does.
  void step() {
    const auto at = std::next(sockets_.begin(), static_cast<std::ptrdiff_t>(draw(0, sockets_.size() - 1)));
    const vsock::Ports ports{.host = at->first, .guest = 5000};
    Socket& socket = at->second;
    auto& client = streams_.client(socket.slot);
    switch (draw(0, 5)) {
      case 0: {  // The guest sends as much as it may.
        const std::size_t room = vsock::ReceiveCredit::kBufferBytes - (socket.sent - socket.forwarded);
        const std::size_t count = std::min(room, draw(1, 9000));
        if (count > 0) {
          const std::string payload = bytes(ports.host, socket.sent, count, 0);
          socket.sent += static_cast<std::uint32_t>(count);
          guest_sends(ports, socket, Operation::kReadWrite, payload);
        }
        break;
      }
      case 1: {  // A program of the guest reads.
        const std::size_t before = socket.read;
        socket.read += draw(0, socket.received.size() - socket.read);
        if (socket.read != before) {
          guest_sends(ports, socket, Operation::kCreditUpdate);
        }
        break;
      }
      case 2: {  // The client sends.
        std::size_t& sent = client_sent_[socket.slot];
        const std::size_t count = draw(1, 9000);
        client.to_guest += bytes(ports.host, sent, count, 1);
        sent += count;
        device_->ready(socket.slot, Endpoint::kReadable);
        break;
      }
      case 3:  // The client reads, and that may be told late.
        client.takes = draw(1, 9000);
        if (draw(0, 1) == 0) {
          device_->ready(socket.slot, Endpoint::kWritable);
        }
        break;
      case 4:
        offer_used();
        break;
      default:
        guest_receives();
        break;
    }
    check_client(ports.host, socket);
  }
  /// What the client has got since the last time is what follows.
  void check_client(std::uint32_t port, Socket& socket) {
    const std::string fresh = streams_.client(socket.slot).from_guest.substr(socket.checked);
    ASSERT_EQ(fresh, bytes(port, socket.checked, fresh.size(), 0));
    socket.checked += fresh.size();
  }
  void offer_used() { offer(static_cast<unsigned>(std::exchange(buffers_used_, 0))); }

  /// Until nothing moves any more.
  void run_dry() {
    for (int idle = 0; idle < 2; ++idle) {
      for (auto& [port, socket] : sockets_) {
        if (!socket.is_over && socket.read != socket.received.size()) {
          socket.read = socket.received.size();
          guest_sends({port, 5000}, socket, Operation::kCreditUpdate);
        }
      }
      offer_used();
      guest_receives();
      idle = buffers_used_ > 0 ? -1 : idle;
    }
  }

  std::mt19937_64 random_;
  std::map<std::uint32_t, Socket> sockets_;
  std::map<vsock::Slot, std::size_t> client_sent_;
  std::size_t buffers_used_ = 0;
};

TEST_F(VsockModelTest, AllBytesArriveInTheirOrder) {
  for (std::uint64_t seed = 1; seed <= 20 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    random_.seed(seed);
    sockets_.clear();
    client_sent_.clear();
    (void)streams_.take_closed();
    start();
    buffers_used_ = 0;
    offer();
    for (std::size_t i = draw(1, 5); i > 0; --i) {
      open();
      offer_used();
    }
    for (int i = 0; i < 1000 && !HasFatalFailure(); ++i) {
      step();
    }
    for (auto& [port, socket] : sockets_) {
      streams_.client(socket.slot).takes = SIZE_MAX;
      device_->ready(socket.slot, Endpoint::kWritable);
    }
    run_dry();
    for (auto& [port, socket] : sockets_) {
      check_client(port, socket);
      EXPECT_EQ(socket.checked, socket.sent);
      EXPECT_EQ(socket.received.size(), client_sent_[socket.slot]);
      EXPECT_GT(socket.sent + socket.received.size(), 0U);
      // Both sides end, the guest with nothing more to say.
      streams_.client(socket.slot).sends_no_more = true;
      device_->ready(socket.slot, Endpoint::kReadable);
      guest_sends({port, 5000}, socket, Operation::kShutdown, {}, vsock::kNothingMore);
    }
    run_dry();
    EXPECT_EQ(device_->counts().streams.connections, 0U);
    EXPECT_EQ(device_->counts().streams.violations, 0U);
    EXPECT_EQ(streams_.count(), 0U);
  }
}

}  // namespace
}  // namespace mayfly::virtio
