// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "control/socket_folder.hpp"
#include "control/vm_id.hpp"

namespace mayfly::control {
namespace {

constexpr std::uint64_t kNoDeadline = std::numeric_limits<std::uint64_t>::max();
constexpr lease::ServerName kServer{"VM", "mayfly run"};

/// False when the time is over first.
bool wait_readable(int socket, std::uint64_t deadline_ns) noexcept {
  while (true) {
    pollfd watched{socket, POLLIN, 0};
    const std::uint64_t now = monotonic_ns();
    const timespec left = to_timespec(deadline_ns > now ? deadline_ns - now : 0);
    const int ready = ::ppoll(&watched, 1, deadline_ns == kNoDeadline ? nullptr : &left, nullptr);
    if (ready >= 0 || errno != EINTR) {
      return ready > 0;
    }
  }
}

Fd connect_to_vm(const std::string& id) {
  require_vm_id(id);
  const SocketFolder folder(socket_folder(), SocketFolder::IfMissing::kStaysEmpty);
  try {
    return lease::connect_to(folder.path_of(id), kServer, lease::SocketKind::kStream);
  } catch (const Error& error) {
    if (error.errno_value() == ENOENT || error.errno_value() == ECONNREFUSED) {
      throw Error("no VM with the id '" + id + "' is running; mayfly ps lists those that are");
    }
    throw;
  }
}

}  // namespace

Client::Client(const std::string& id) : id_(id), socket_(connect_to_vm(id)) {
  const auto peer = lease::peer_of(socket_.get());
  if (!peer.has_value() || !lease::is_trusted(*peer)) {
    throw Error("the VM '" + id + "' is another user's, neither ours nor root's");
  }
}

Result<Response, Silence> Client::ask(const Request& request,
                                      std::optional<std::chrono::nanoseconds> patience) {
  const std::string line = to_line(request);
  // It fits into the socket's buffer, which is empty: each question waits for its answer.
  if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    return unexpected(Silence::kEnded);
  }
  const std::uint64_t deadline =
      patience ? monotonic_ns() + static_cast<std::uint64_t>(patience->count()) : kNoDeadline;
  std::array<char, 4096> bytes{};
  while (in_.find('\n') == std::string::npos && in_.size() <= kResponseBytesMax) {
    if (!wait_readable(socket_.get(), deadline)) {
      return unexpected(Silence::kTimeOut);
    }
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      return unexpected(Silence::kEnded);
    }
    in_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  const std::size_t end = std::min(in_.find('\n'), in_.size());
  auto response = parse_response(std::string_view(in_).substr(0, end));
  in_.erase(0, end + 1);
  if (!response.has_value()) {
    throw Error(strange_answer());
  }
  return *std::move(response);
}

std::optional<Response> Client::ask_while_it_lives(const Request& request, std::chrono::seconds patience) {
  auto response = ask(request, patience);
  if (!response.has_value() && response.error() == Silence::kTimeOut) {
    throw Error("the VM '" + id_ + "' does not answer within " + std::to_string(patience.count()) + " s");
  }
  return response.has_value() ? std::optional(*std::move(response)) : std::nullopt;
}

Response Client::require_answer(const Request& request, std::chrono::seconds patience) {
  auto response = ask_while_it_lives(request, patience);
  if (!response) {
    throw Error("the VM '" + id_ + "' has ended before it answered");
  }
  return *std::move(response);
}

Fd Client::take_stream() {
  if (!in_.empty()) {
    throw Error(strange_answer());
  }
  return std::move(socket_);
}

std::string Client::strange_answer() const {
  return "the VM '" + id_ + "' does not answer as this mayfly expects; is it of another version?";
}

bool Client::wait_for_end(std::chrono::nanoseconds patience) noexcept {
  const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(patience.count());
  std::array<char, 256> bytes{};
  while (wait_readable(socket_.get(), deadline)) {
    if (::recv(socket_.get(), bytes.data(), bytes.size(), 0) <= 0) {
      return true;
    }
  }
  return false;
}

}  // namespace mayfly::control
