// SPDX-License-Identifier: Apache-2.0
#include "vsock/connector.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.hpp"
#include "lease/socket.hpp"

namespace mayfly::vsock {
namespace {

struct Request {
  std::uint32_t serial;  // 0
  std::uint32_t port;    // 4
};
static_assert(sizeof(Request) == 8);
static_assert(kPathMax + sizeof("_4294967295") <= sizeof(sockaddr_un::sun_path));

/// Does not wait, not for a full queue either.
Fd connect_to_port(const std::string& path, std::uint32_t port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_of_port(path, port).copy(address.sun_path, sizeof(address.sun_path) - 1);
  Fd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Safe: the kernel looks at sun_family.
  return stream && ::connect(stream.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0
             ? std::move(stream)
             : Fd();
}

}  // namespace

std::string path_of_port(const std::string& path, std::uint32_t port) {
  MAYFLY_ASSERT(path.size() <= kPathMax);
  return path + "_" + std::to_string(port);
}

bool Connector::ask(std::uint32_t serial, std::uint32_t port) const noexcept {
  const Request request{serial, port};
  // Not sendmsg(), which could pass descriptors: nobody who runs a guest may.
  return ::send(channel_.get(), &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(sizeof(request));
}

std::optional<Connector::Answer> Connector::take() const noexcept {
  Request request{};
  iovec part{&request, sizeof(request)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
      static_cast<ssize_t>(sizeof(request))) {
    return std::nullopt;
  }
  Answer answer{.serial = request.serial, .stream = {}};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int file = -1;
    std::memcpy(&file, CMSG_DATA(header), sizeof(file));
    answer.stream = Fd(file);
  }
  return answer;
}

bool serve_connect(int channel, const std::string& path) noexcept {
  Request request{};
  const ssize_t got = ::recv(channel, &request, sizeof(request), 0);
  if (got != static_cast<ssize_t>(sizeof(request))) {
    return got < 0 && errno == EINTR;
  }
  const Fd stream = connect_to_port(path, request.port);
  const std::array files{stream.get()};
  // Who does not take its answers gets none: it does not hold us up.
  static_cast<void>(lease::send_packet(channel, std::as_bytes(std::span(&request, 1)),
                                       std::span(files).first(stream ? 1 : 0)));
  return true;
}

}  // namespace mayfly::vsock
