// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/clock.hpp"
#include "base/temporary_folder.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/vsock_fixture.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vsock::testing {

/// A guest without a device: takes whatever there is for it at once.
class FakeGuest final : public Guest {
 public:
  struct Seen {
    Header header;
    std::string payload;
    [[nodiscard]] Operation operation() const { return static_cast<Operation>(header.operation); }
    [[nodiscard]] Ports ports() const { return {header.source_port, header.destination_port}; }
  };

  explicit FakeGuest(Streams& streams) : endpoint_(streams, mayfly::testing::kGuestCid) {}

  void service() noexcept override {
    ++services;
    endpoint_.set_time(monotonic_ns());
    endpoint_.expire();
    pump();
  }
  std::uint64_t deadline_ns() const noexcept override { return endpoint_.deadline_ns(); }
  std::optional<Slot> ask(std::uint32_t port) noexcept override {
    endpoint_.set_time(monotonic_ns());
    const auto slot = has_driver ? endpoint_.ask(port) : std::nullopt;
    pump();
    return slot;
  }
  void connected(Slot slot) noexcept override {
    endpoint_.connected(slot);
    pump();
  }
  void refused(Slot slot) noexcept override {
    endpoint_.refused(slot);
    pump();
  }
  void ready(Slot slot, Endpoint::Readiness what) noexcept override {
    endpoint_.set_time(monotonic_ns());
    endpoint_.ready(slot, what);
    pump();
  }

  void send(Ports ports, Operation operation, std::string_view payload = {}, std::uint32_t flags = 0) {
    endpoint_.take(
        mayfly::testing::from_guest(ports, operation, static_cast<std::uint32_t>(payload.size()), flags),
        std::as_bytes(std::span(payload)));
    pump();
  }
  /// The next packet that it was sent.
  Seen take() {
    EXPECT_FALSE(seen.empty());
    if (seen.empty()) {
      return {};
    }
    Seen first = seen.front();
    seen.erase(seen.begin());
    return first;
  }

  std::vector<Seen> seen;
  bool has_driver = true;
  int services = 0;

 private:
  void pump() {
    std::array<std::byte, 4096> room{};
    while (const auto header = endpoint_.next(room)) {
      // Safe: bytes as characters.
      seen.push_back({*header, std::string(reinterpret_cast<const char*>(room.data()), header->bytes)});
    }
  }
  Endpoint endpoint_;
};

/// Real clients on a real Unix socket, and a guest that is a test.
class ClientsTest : public ::testing::Test {
 protected:
  ClientsTest() { clients_.serve(guest_); }

  /// Our end of the channel, and the other process's.
  static Fd make_channel(Fd& other) {
    std::array<int, 2> both{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both.data()), 0);
    other = Fd(both[1]);
    return Fd(both[0]);
  }

  Fd connect() { return lease::connect_to(path_, {"guest", "mayfly run"}, lease::SocketKind::kStream); }
  static void send(const Fd& client, std::string_view text) {
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }
  void run() { ASSERT_TRUE(loop_.settle()) << "somebody is told the same again and again"; }
  /// What there is to read.
  static std::string received(const Fd& client) {
    std::string text(100000, '\0');
    const ssize_t got = ::recv(client.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  static bool is_closed(const Fd& client) {
    char byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  /// A client that the guest's port 52 has taken.
  struct Opened {
    Fd socket;
    Ports ports;
  };
  Opened open() {
    Fd client = connect();
    send(client, "CONNECT 52\n");
    run();
    const FakeGuest::Seen request = guest_.take();
    EXPECT_EQ(request.operation(), Operation::kRequest);
    guest_.send(request.ports(), Operation::kResponse);
    EXPECT_EQ(received(client), welcome(request.ports().host));
    return {std::move(client), request.ports()};
  }

  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "guest.sock";
  mayfly::testing::FakeEventLoop loop_;
  Fd connecting_;
  static constexpr std::uint32_t kPrivatePort = 1023;
  Clients clients_{Clients::Doors{lease::Listener(path_, lease::SocketKind::kStream),
                                  Connector(make_channel(connecting_))},
                   kPrivatePort, loop_};
  FakeGuest guest_{clients_};
};

}  // namespace mayfly::vsock::testing
