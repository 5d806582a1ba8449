// SPDX-License-Identifier: Apache-2.0
#include "lease/server.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "base/clock.hpp"

namespace mayfly::lease {
namespace {

/// Where the host has no descriptor left for one more client.
constexpr std::uint64_t kPauseNs = 100'000'000;
constexpr Peer kNobody{.process = 0, .user = ~uid_t{0}};

}  // namespace

std::uint64_t after(std::chrono::milliseconds time) noexcept {
  return monotonic_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

std::string name_of(const Peer& peer) {
  return peer.process == 0 ? "another process" : "process " + std::to_string(peer.process);
}

Server::Server(std::string path, Service& service, const ServerRules& rules)
    : service_(service), rules_(rules), listener_(std::move(path)) {}

void Server::wait(std::span<pollfd> events, std::uint64_t deadline_ns) {
  std::erase_if(clients_, [](const Client& client) { return client.phase == Client::Phase::kGone; });
  std::vector<pollfd> watched(events.begin(), events.end());
  const bool accepts = has_room() && monotonic_ns() >= accept_after_ns_;
  watched.push_back({accepts ? listener_.fd() : -1, POLLIN, 0});
  const std::size_t first_client = watched.size();
  for (const Client& client : clients_) {
    watched.push_back({client.socket.get(), POLLIN, 0});
  }
  const std::uint64_t deadline = std::min(deadline_ns, next_deadline_ns());
  const std::uint64_t now = monotonic_ns();
  const timespec left = to_timespec(deadline > now ? deadline - now : 0);
  const int ready = ::ppoll(watched.data(), watched.size(), deadline == kNever ? nullptr : &left, nullptr);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].revents = ready < 0 ? std::int16_t{0} : watched[i].revents;
  }
  if (ready < 0) {
    return;
  }
  auto client = clients_.begin();
  for (std::size_t i = first_client; i < watched.size(); ++i, ++client) {
    if (client->phase == Client::Phase::kGone) {
      continue;
    }
    if (watched[i].revents != 0) {
      hear(*client);
    } else if (client->phase == Client::Phase::kToAsk && monotonic_ns() >= client->ask_before_ns) {
      drop(*client);
    }
  }
  if (watched[first_client - 1].revents != 0) {
    accept_all();
  }
}

bool Server::has_room() const noexcept {
  const auto others = std::ranges::count_if(clients_, [](const Client& client) {
    return client.phase == Client::Phase::kToAsk || client.phase == Client::Phase::kWaits;
  });
  return static_cast<std::size_t>(others) < kClientsMax;
}

std::uint64_t Server::next_deadline_ns() const noexcept {
  std::uint64_t next = accept_after_ns_ > monotonic_ns() ? accept_after_ns_ : kNever;
  for (const Client& client : clients_) {
    next = client.phase == Client::Phase::kToAsk ? std::min(next, client.ask_before_ns) : next;
  }
  return next;
}

void Server::accept_all() {
  while (has_room()) {
    Fd socket = listener_.accept();
    if (!socket) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        accept_after_ns_ = monotonic_ns() + kPauseNs;
      }
      return;
    }
    const Peer peer = peer_of(socket.get()).value_or(kNobody);
    clients_.push_back(
        {.socket = std::move(socket), .peer = peer, .ask_before_ns = after(rules_.ask_within)});
  }
}

void Server::hear(Client& client) {
  // One byte more than a request has, so that a longer one is seen.
  std::vector<std::byte> packet(rules_.request_bytes + 1);
  const ssize_t got = ::recv(client.socket.get(), packet.data(), packet.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  // The end, or what no client of ours does: it has one thing to say, once.
  if (got <= 0 || client.phase != Client::Phase::kToAsk) {
    drop(client);
    return;
  }
  // Not before it has spoken: a connection that ends with words unheard loses our answer.
  if (!is_trusted(client.peer)) {
    refuse(client, service_.refusal_of_stranger());
    return;
  }
  service_.on_request(client, std::span(packet).first(static_cast<std::size_t>(got)));
}

void Server::lend(Client& client, std::span<const std::byte> answer, std::span<const int> files) {
  client.phase = Client::Phase::kTenant;
  if (!send_packet(client.socket.get(), answer, files)) {
    drop(client);
  }
}

void Server::refuse(Client& client, std::span<const std::byte> answer) {
  (void)send_packet(client.socket.get(), answer);
  client.phase = Client::Phase::kGone;
  client.socket = Fd();
}

void Server::drop(Client& client) {
  const auto was = std::exchange(client.phase, Client::Phase::kGone);
  client.socket = Fd();
  if (was == Client::Phase::kWaits || was == Client::Phase::kTenant) {
    service_.on_end(client);
  }
}

}  // namespace mayfly::lease
