// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace mayfly::vsock {

/// What a client says first: `CONNECT <port>` and a line feed, where <port> is the guest's, a decimal number
/// of 32 bits. The words are Firecracker's, whose clients there are.
class Greeting {
 public:
  enum class State : std::uint8_t { kMore, kWhole, kWrong };

  /// Takes the next bytes, of which the line may need fewer than there are: how many it took. Those after it
  /// are for the guest.
  [[nodiscard]] std::size_t take(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] State state() const noexcept { return state_; }
  /// Of a kWhole one.
  [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

  /// How many bytes it may need yet.
  [[nodiscard]] std::size_t room() const noexcept { return line_.size() - size_; }

 private:
  /// "CONNECT 4294967295", and the line feed.
  std::array<char, 19> line_{};
  std::size_t size_ = 0;
  State state_ = State::kMore;
  std::uint32_t port_ = 0;
};

/// What a client is told when the guest has taken its connection: `OK <port>` and a line feed, where <port>
/// is the one that it has on the host's side.
[[nodiscard]] std::string welcome(std::uint32_t host_port);

}  // namespace mayfly::vsock
