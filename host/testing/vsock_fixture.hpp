// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "testing/fake_streams.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::testing {

inline constexpr std::uint64_t kGuestCid = 3;

/// A packet that the guest sends.
inline vsock::Header from_guest(vsock::Ports ports, vsock::Operation operation, std::uint32_t bytes = 0,
                                std::uint32_t flags = 0) {
  return {.source_cid = kGuestCid,
          .destination_cid = vsock::kHostCid,
          .source_port = ports.guest,
          .destination_port = ports.host,
          .bytes = bytes,
          .type = 1,
          .operation = static_cast<std::uint16_t>(operation),
          .flags = flags,
          .buffer_bytes = 0x40000,
          .forwarded_bytes = 0};
}

/// An endpoint between a guest that a test is and clients that are strings.
class VsockFixture : public ::testing::Test {
 protected:
  using Operation = vsock::Operation;
  using Ports = vsock::Ports;
  static constexpr Ports kPorts{.host = 700, .guest = 5000};

  /// What the guest was sent.
  struct Seen {
    vsock::Header header;
    std::string payload;
    [[nodiscard]] Operation operation() const { return static_cast<Operation>(header.operation); }
    [[nodiscard]] Ports ports() const { return {header.source_port, header.destination_port}; }
  };

  void send(Ports ports, Operation operation, std::string_view payload = {}, std::uint32_t flags = 0) {
    send(from_guest(ports, operation, static_cast<std::uint32_t>(payload.size()), flags), payload);
  }
  void send(const vsock::Header& header, std::string_view payload = {}) {
    endpoint_.take(header, std::as_bytes(std::span(payload)));
  }
  std::optional<Seen> receive(std::size_t room = 4096) {
    std::vector<std::byte> buffer(room);
    const auto header = endpoint_.next(buffer);
    if (!header) {
      return std::nullopt;
    }
    // Safe: bytes as characters.
    return Seen{*header, std::string(reinterpret_cast<const char*>(buffer.data()), header->bytes)};
  }
  std::vector<Seen> receive_all() {
    std::vector<Seen> all;
    while (auto seen = receive()) {
      all.push_back(*seen);
    }
    return all;
  }
  /// The only packet that there is for the guest must be this one.
  void expect_only(Ports ports, Operation operation, std::uint32_t flags = 0) {
    const std::vector<Seen> all = receive_all();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].operation(), operation);
    EXPECT_TRUE(all[0].ports() == ports);
    EXPECT_EQ(all[0].header.flags, flags);
  }
  void expect_nothing() { EXPECT_TRUE(receive_all().empty()); }

  /// The guest has connected to the host's kPorts.host; its slot.
  vsock::Slot open_by_guest(Ports ports = kPorts) {
    send(ports, Operation::kRequest);
    expect_only(ports, Operation::kResponse);
    return static_cast<vsock::Slot>(streams_.count() - 1);
  }
  /// A client has connected to the guest's `port`; its slot and ports.
  struct Opened {
    vsock::Slot slot;
    Ports ports;
  };
  Opened open_by_client(std::uint32_t port = 5000) {
    const auto slot = endpoint_.ask(port);
    EXPECT_TRUE(slot);
    (void)streams_.client(*slot);
    const auto request = receive();
    EXPECT_EQ(request->operation(), Operation::kRequest);
    send(request->ports(), Operation::kResponse);
    return {*slot, request->ports()};
  }
  void client_sends(vsock::Slot slot, std::string_view text) {
    streams_.client(slot).to_guest += text;
    endpoint_.ready(slot, vsock::Endpoint::kReadable);
  }
  void pass(std::uint64_t ns) {
    now_ns_ += ns;
    endpoint_.set_time(now_ns_);
    endpoint_.expire();
  }

  FakeStreams streams_;
  vsock::Endpoint endpoint_{streams_, kGuestCid};
  std::uint64_t now_ns_ = 0;
};

}  // namespace mayfly::testing
