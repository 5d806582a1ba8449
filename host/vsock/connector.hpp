// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.hpp"

namespace mayfly::vsock {

/// What a guest's connections to ports of the host go through. Who runs a guest is to be able to reach no
/// path, so another process connects for it, and is asked for a port by a packet: it reaches `PATH_<port>`
/// and nothing else, which is what the guest may reach anyhow.
class Connector {
 public:
  /// An answer: the stream, or empty where nobody listens.
  struct Answer {
    std::uint32_t serial = 0;
    Fd stream;
  };

  /// `channel` is one end of a pair of SOCK_SEQPACKET, which serve_connect() has the other of.
  explicit Connector(Fd channel) noexcept : channel_(std::move(channel)) {}

  /// Readable when there is an answer.
  [[nodiscard]] int fd() const noexcept { return channel_.get(); }
  /// Asks for a stream to `port`; the answer has `serial`. False when it cannot be asked.
  [[nodiscard]] bool ask(std::uint32_t serial, std::uint32_t port) const noexcept;
  /// The next answer; nothing when there is none.
  [[nodiscard]] std::optional<Answer> take() const noexcept;

 private:
  Fd channel_;
};

/// The longest PATH, so that all its ports have a path that a socket can have.
inline constexpr std::size_t kPathMax = 96;

/// The path that the host's `port` has.
[[nodiscard]] std::string path_of_port(const std::string& path, std::uint32_t port);

/// Waits for the next request on `channel` and answers it. False when there will be none: who asks is gone.
/// `path` has at most kPathMax characters. The process that connects.
[[nodiscard]] bool serve_connect(int channel, const std::string& path) noexcept;

}  // namespace mayfly::vsock
