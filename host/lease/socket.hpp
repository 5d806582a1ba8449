// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/fd.hpp"

namespace mayfly::lease {

/// Who is at the other end of a connection, as the kernel noted when it was made.
struct Peer {
  pid_t process = 0;
  uid_t user = 0;
};

/// True for ourselves and root: with others neither a server nor a client deals.
[[nodiscard]] bool is_trusted(const Peer& peer) noexcept;
/// Nothing where `socket` is no connection.
[[nodiscard]] std::optional<Peer> peer_of(int socket) noexcept;

/// What connections carry.
enum class SocketKind : std::uint8_t {
  kPackets,  ///< SOCK_SEQPACKET
  kStream,   ///< SOCK_STREAM
};

/// 0 when somebody listens at `path`; else errno, ECONNREFUSED where somebody did. Throws Error where it is
/// no path of a socket. Any thread.
[[nodiscard]] int listens_at(const std::string& path, SocketKind kind);

/// A socket that listens at a path, for its user alone (mode 0600). Clears a socket away that nobody listens
/// at any more.
class Listener {
 public:
  /// Throws Error: somebody listens there, or what is there is no socket, or the path is too long.
  explicit Listener(std::string path, SocketKind kind = SocketKind::kPackets);
  /// One that another process has made, and removes.
  explicit Listener(Fd socket) noexcept : socket_(std::move(socket)) {}
  Listener(Listener&&) noexcept = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  /// Removes the socket, unless it is another's by now.
  ~Listener();

  /// Has it removed by way of `folder`, which it lies in, for a process that reaches no path any more.
  /// Whoever puts another one in its place does so only when nobody listens here.
  void remove_by(Fd folder) noexcept { folder_ = std::move(folder); }
  /// -1: it is removed by its path.
  [[nodiscard]] int folder() const noexcept { return folder_.get(); }
  /// Has it stay when this goes, with nobody who listens.
  void leave() noexcept { path_.clear(); }

  /// Readable when a connection waits.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// The next one, which does not block; empty when there is none, with errno.
  [[nodiscard]] Fd accept() const noexcept;

 private:
  std::string path_;
  Fd folder_;
  Fd socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// A server of ours, for sentences.
struct ServerName {
  /// Such as "broker".
  std::string_view noun;
  /// Such as "mayfly device serve".
  std::string_view command;
};

/// Connects; to a stream within some seconds. Throws Error that says what is at the path instead of such a
/// server.
[[nodiscard]] Fd connect_to(const std::string& path, const ServerName& server,
                            SocketKind kind = SocketKind::kPackets);

/// Sends one packet with descriptors, without waiting. False when it did not go, whole, with errno.
[[nodiscard]] bool send_packet(int socket, std::span<const std::byte> packet,
                               std::span<const int> files = {}) noexcept;

/// One packet and the descriptors that came with it.
struct Packet {
  std::vector<std::byte> bytes{};
  std::vector<Fd> files{};
};
/// Waits for a packet of at most `bytes_max` with at most `files_max` descriptors; empty at the end of the
/// connection. Throws Error.
[[nodiscard]] Packet receive_packet(int socket, std::size_t bytes_max, std::size_t files_max);

}  // namespace mayfly::lease
