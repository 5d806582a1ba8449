// SPDX-License-Identifier: Apache-2.0
#include "lease/asking.hpp"

#include <poll.h>

#include "base/error.hpp"

namespace mayfly::lease {
namespace {

constexpr const char* kEnded = "has ended the connection";

}  // namespace

bool wait_a_minute(int socket) noexcept {
  constexpr int kMinuteMs = 60'000;
  pollfd readable{socket, POLLIN, 0};
  return ::poll(&readable, 1, kMinuteMs) > 0;
}

Asked ask(const std::string& path, const ServerName& server, std::span<const std::byte> request,
          std::size_t answer_bytes, std::size_t files_max, const Wait& wait) {
  Asked asked{connect_to(path, server), {}};
  const int socket = asked.connection.get();
  const auto peer = peer_of(socket);
  if (!peer.has_value() || !is_trusted(*peer)) {
    throw_refusal(path, server, "it is another user's, neither ours nor root's");
  }
  if (!send_packet(socket, request)) {
    throw_refusal(path, server, kEnded);
  }
  if (!wait(socket)) {
    throw_refusal(path, server, "does not answer");
  }
  try {
    asked.answer = receive_packet(socket, answer_bytes, files_max);
  } catch (const Error& error) {
    throw_refusal(path, server, error.what());
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
