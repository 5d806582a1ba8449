// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.hpp"
#include "io/packet_port.hpp"

namespace mayfly::testing {

/// A network of one socket: what the device sends comes out of next(), what is put in the device receives.
class FakePacketPort final : public io::PacketPort {
 public:
  explicit FakePacketPort(io::Offloads offered) : offered_(offered) {
    std::array<int, 2> both{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    device_ = Fd(both[0]);
    network_ = Fd(both[1]);
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }
  [[nodiscard]] int fd() const noexcept override { return device_.get(); }
  [[nodiscard]] std::uint16_t mtu() const noexcept override { return 1500; }
  [[nodiscard]] io::Offloads offered() const noexcept override { return offered_; }
  void set_receives(bool receives) noexcept override { receives_ = receives; }
  void set_offloads(io::Offloads accepted) noexcept override { accepted_ = accepted; }
  [[nodiscard]] ssize_t receive(std::span<const iovec> buffers) noexcept override {
    received_into = buffers.size();
    const ssize_t got = ::readv(device_.get(), buffers.data(), static_cast<int>(buffers.size()));
    return got < 0 ? -errno : got;
  }
  [[nodiscard]] ssize_t send(std::span<const iovec> buffers) noexcept override {
    if (send_error != 0) {
      return -send_error;
    }
    const ssize_t sent = ::writev(device_.get(), buffers.data(), static_cast<int>(buffers.size()));
    return sent < 0 ? -errno : sent;
  }

  /// A packet, with its header, on its way to the guest; false when no more fits.
  bool put(std::string_view packet) const {
    return ::send(network_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(packet.size());
  }
  /// The next that came from the guest.
  [[nodiscard]] std::optional<std::string> next() const {
    std::string packet(1U << 17U, '\0');
    const ssize_t got = ::recv(network_.get(), packet.data(), packet.size(), 0);
    if (got <= 0) {
      return std::nullopt;
    }
    packet.resize(static_cast<std::size_t>(got));
    return packet;
  }
  /// The network is gone.
  void close_network() { network_ = Fd(); }
  [[nodiscard]] std::optional<io::Offloads> accepted() const noexcept { return accepted_; }
  /// What it was told last, if anything.
  [[nodiscard]] std::optional<bool> receives() const noexcept { return receives_; }

  [[nodiscard]] bool is_full() const noexcept override { return full; }
  void flush() noexcept override { full = flush_is_in_vain; }

  int send_error = 0;
  bool full = false;
  bool flush_is_in_vain = false;
  /// Buffers of the last receive().
  std::size_t received_into = 0;

 private:
  io::Offloads offered_;
  std::optional<io::Offloads> accepted_;
  std::optional<bool> receives_;
  Fd device_;
  Fd network_;
};

}  // namespace mayfly::testing
