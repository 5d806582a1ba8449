// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>

#include <sys/socket.h>
#include <unistd.h>

#include "marks.hpp"

// The program of L1 that a guest of a benchmark has at the other end of its network (l1/peer).

inline sockaddr_in socket_address(in_addr host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr = host;
  return address;
}

inline sockaddr_in peer_address() {
  in_addr host{};
  inet_pton(AF_INET, "10.9.0.1", &host);
  return socket_address(host, 7000);
}

/// In the guest: a connection to it.
inline int connect_to_peer() {
  const int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in at = peer_address();
  require(connect(stream, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0, "connecting to the peer");
  return stream;
}

/// In L1: calls `serve(stream, address of the guest)` for each connection, one after the other, for ever.
template <typename Serve>
[[noreturn]] void serve_guests(Serve serve) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in at = peer_address();
  const int on = 1;
  require(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0 &&
              listen(listener, 8) == 0,
          "listening");
  for (;;) {
    sockaddr_in guest{};
    socklen_t length = sizeof(guest);
    const int stream = accept(listener, reinterpret_cast<sockaddr*>(&guest), &length);
    require(stream >= 0, "accepting");
    serve(stream, guest.sin_addr);
    close(stream);
  }
}
