// SPDX-License-Identifier: Apache-2.0
#include "lease/asking.hpp"

#include <cerrno>

#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.hpp"

namespace mayfly::lease {
namespace {

/// The longest that a broker resets devices before it gives them up, and more; that a pool fills many GiB.
constexpr timeval kPatience{.tv_sec = 60, .tv_usec = 0};
constexpr const char* kEnded = "has ended the connection";

}  // namespace

Asked ask(const std::string& path, const ServerName& server, std::span<const std::byte> request,
          std::size_t answer_bytes, std::size_t files_max) {
  Asked asked{connect_to(path, server), {}};
  const int socket = asked.connection.get();
  const auto peer = peer_of(socket);
  if (!peer.has_value() || !is_trusted(*peer)) {
    throw_refusal(path, server, "it is another user's, neither ours nor root's");
  }
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  if (!send_packet(socket, request)) {
    throw_refusal(path, server, kEnded);
  }
  try {
    asked.answer = receive_packet(socket, answer_bytes, files_max);
  } catch (const Error& error) {
    throw_refusal(path, server, error.errno_value() == EAGAIN ? "does not answer" : error.what());
  }
  if (asked.answer.bytes.empty()) {
    throw_refusal(path, server, kEnded);
  }
  return asked;
}

void throw_refusal(const std::string& path, const ServerName& server, const std::string& why) {
  throw Error("the " + std::string(server.noun) + " at " + path + ": " + why);
}

}  // namespace mayfly::lease
