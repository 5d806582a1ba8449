// SPDX-License-Identifier: Apache-2.0
#include "lease/socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::lease {
namespace {

constexpr int kBacklog = 64;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw Error("'" + path + "' is no path of a socket: it may have " +
                std::to_string(sizeof(address.sun_path) - 1) + " characters");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);  // Safe: the kernel looks at sun_family.
}

/// How long a full queue of a stream's server is waited for; that of one that lends is as long as it takes.
constexpr timeval kConnectWithin{.tv_sec = 10, .tv_usec = 0};

Fd make_socket(SocketKind kind, int flags) {
  const int type = kind == SocketKind::kStream ? SOCK_STREAM : SOCK_SEQPACKET;
  Fd made(::socket(AF_UNIX, type | SOCK_CLOEXEC | flags, 0));
  if (!made) {
    fail_errno("cannot make a Unix socket");
  }
  return made;
}

/// 0, or errno.
int try_connect(int socket, const sockaddr_un& address) noexcept {
  return ::connect(socket, generic(address), sizeof(address)) == 0 ? 0 : errno;
}

/// Removes a socket that is left over. Throws Error when it is none, or lives.
void clear_away(const std::string& path, SocketKind kind) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return;
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(path + " exists and is no socket; name another path");
  }
  const int failure = listens_at(path, kind);
  if (failure == 0) {
    throw Error(path + " is in use: somebody serves there already");
  }
  if (failure != ECONNREFUSED) {
    throw Error(failure, path + " exists, and whether it is in use cannot be seen");
  }
  ::unlink(path.c_str());
}

}  // namespace

int listens_at(const std::string& path, SocketKind kind) {
  const int failure = try_connect(make_socket(kind, SOCK_NONBLOCK).get(), address_of(path));
  // A full queue is somebody's, and so is a socket of the other kind.
  return failure == EAGAIN || failure == EPROTOTYPE ? 0 : failure;
}

bool is_trusted(const Peer& peer) noexcept { return peer.user == ::geteuid() || peer.user == 0; }

std::optional<Peer> peer_of(int socket) noexcept {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0
             ? std::optional(Peer{credentials.pid, credentials.uid})
             : std::nullopt;
}

Listener::Listener(std::string path, SocketKind kind)
    : path_(std::move(path)), socket_(make_socket(kind, SOCK_NONBLOCK)) {
  const sockaddr_un address = address_of(path_);
  clear_away(path_, kind);
  // Nobody gets in before the mode is set: bind() alone makes no listener.
  if (::bind(socket_.get(), generic(address), sizeof(address)) != 0) {
    fail_errno("cannot make the socket " + path_);
  }
  struct stat status {};
  if (::chmod(path_.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path_.c_str(), &status) != 0 ||
      ::listen(socket_.get(), kBacklog) != 0) {
    const int failure = errno;
    ::unlink(path_.c_str());
    throw Error(failure, "cannot listen at " + path_);
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

Listener::~Listener() {
  struct stat status {};
  if (!socket_ || path_.empty()) {
    return;
  }
  if (folder_) {
    ::unlinkat(folder_.get(), path_.c_str() + path_.rfind('/') + 1, 0);
    return;
  }
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Fd Listener::accept() const noexcept {
  return Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

Fd connect_to(const std::string& path, const ServerName& server, SocketKind kind) {
  const sockaddr_un address = address_of(path);
  Fd socket = make_socket(kind, 0);
  if (kind == SocketKind::kStream) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectWithin, sizeof(kConnectWithin));
  }
  const int failure = try_connect(socket.get(), address);
  if (failure == 0) {
    return socket;
  }
  struct stat status {};
  if (failure == ECONNREFUSED && ::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    throw Error(path + " is no socket; name the one of " + std::string(server.command));
  }
  if (failure == ECONNREFUSED || failure == ENOENT) {
    throw Error(failure, "no " + std::string(server.noun) + " serves at " + path + " (" +
                             std::string(server.command) + ")");
  }
  throw Error(failure, "cannot connect to the " + std::string(server.noun) + " at " + path);
}

bool send_packet(int socket, std::span<const std::byte> packet, std::span<const int> files) noexcept {
  constexpr std::size_t kAtOnce = 32;
  MAYFLY_ASSERT(files.size() <= kAtOnce);
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kAtOnce * sizeof(int))> control{};
  iovec part{const_cast<std::byte*>(packet.data()), packet.size()};  // Safe: sendmsg only reads.
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!files.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(header), files.data(), files.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size());
}

Packet receive_packet(int socket, std::size_t bytes_max, std::size_t files_max) {
  Packet packet{std::vector<std::byte>(bytes_max), {}};
  std::vector<std::byte> control(CMSG_SPACE(files_max * sizeof(int)));
  iovec part{packet.bytes.data(), packet.bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) {
    fail_errno("cannot receive");
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int file = -1;
      std::memcpy(&file, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      packet.files.emplace_back(file);
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    throw Error("a message is too large, or brings too many descriptors");
  }
  packet.bytes.resize(static_cast<std::size_t>(got));
  return packet;
}

}  // namespace mayfly::lease
