// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::control {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
/// Where the host has no descriptor left for one more client.
constexpr std::uint64_t kPauseNs = 100'000'000;

Trust trust_in(int socket) noexcept {
  const auto peer = lease::peer_of(socket);
  return peer.has_value() && lease::is_trusted(*peer) ? Trust::kOurs : Trust::kStranger;
}

}  // namespace

Server::Server(lease::Listener listener, RunningVm& vm, const ServerRules& rules)
    : listener_(std::move(listener)), vm_(vm), rules_(rules), stop_(make_event()) {
  if (!stop_) {
    fail_errno("eventfd");
  }
}

Server::~Server() { end(std::nullopt); }

int Server::fd() const noexcept {
  return thread_.joinable() || is_given_up_ || !listener_ ? -1 : listener_->fd();
}

void Server::start() noexcept {
  try {
    thread_ = std::thread([this] { serve(); });
  } catch (const std::system_error&) {
    is_given_up_ = true;
  }
}

void Server::finish(int exit_status) noexcept { end(exit_status); }

void Server::end(std::optional<int> exit_status) noexcept {
  if (thread_.joinable()) {
    exit_status_ = exit_status;
    stopping_.store(true, std::memory_order_release);
    ring_event(stop_.get());
    thread_.join();
  }
  listener_.reset();
}

void Server::serve() noexcept {
  if (rules_.thread_starts != nullptr) {
    rules_.thread_starts();
  }
  try {
    while (!stopping_.load(std::memory_order_acquire)) {
      wait_and_hear();
    }
    // Who hears of the end may start a VM of the same name.
    listener_.reset();
    for (Client& client : clients_) {
      if (exit_status_) {
        client.talk.end(*exit_status_);
        (void)send(client);
      }
    }
  } catch (const std::exception&) {
    // Out of memory: nobody is served any more, the VM runs on.
  }
  clients_.clear();
}

bool Server::may_accept() const noexcept {
  return clients_.size() < rules_.clients_max && monotonic_ns() >= accept_after_ns_;
}

void Server::wait_and_hear() {
  std::vector<pollfd> watched{{stop_.get(), POLLIN, 0}, {may_accept() ? listener_->fd() : -1, POLLIN, 0}};
  std::uint64_t deadline = accept_after_ns_ > monotonic_ns() ? accept_after_ns_ : kNever;
  for (const Client& client : clients_) {
    const bool sends = !client.talk.unsent().empty();
    const int events = sends ? POLLOUT : client.talk.room() > 0 ? POLLIN : 0;
    watched.push_back({client.socket.get(), static_cast<std::int16_t>(events), 0});
    deadline = std::min(deadline, client.deadline_ns);
  }
  const std::uint64_t now = monotonic_ns();
  const timespec left = to_timespec(deadline > now ? deadline - now : 0);
  if (::ppoll(watched.data(), watched.size(), deadline == kNever ? nullptr : &left, nullptr) < 0) {
    return;
  }
  const bool accepts = watched[1].revents != 0;
  auto client = clients_.begin();
  for (std::size_t i = 2; i < watched.size(); ++i) {
    const bool stays =
        watched[i].revents != 0 ? hear(*client, watched[i].revents) : monotonic_ns() < client->deadline_ns;
    client = stays ? std::next(client) : clients_.erase(client);
  }
  limit_waiting();
  if (accepts) {
    accept_all();
  }
}

void Server::accept_all() {
  while (may_accept()) {
    Fd socket = listener_->accept();
    if (!socket) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        accept_after_ns_ = monotonic_ns() + kPauseNs;
      }
      return;
    }
    const Trust trust = trust_in(socket.get());
    clients_.push_back({std::move(socket), Conversation(vm_, trust)});
    set_deadline(clients_.back());
  }
}

void Server::set_deadline(Client& client) const noexcept {
  client.deadline_ns =
      client.talk.waits()
          ? kNever
          : monotonic_ns() + (client.talk.unsent().empty() ? rules_.ask_within_ns : rules_.take_within_ns);
}

bool Server::hear(Client& client, short events) {
  if ((events & POLLOUT) != 0) {
    return send(client);
  }
  return client.talk.room() > 0 ? receive(client) : (events & (POLLHUP | POLLERR)) == 0;
}

bool Server::receive(Client& client) {
  std::array<char, kRequestBytesMax + 1> bytes{};
  const ssize_t got =
      ::recv(client.socket.get(), bytes.data(), std::min(bytes.size(), client.talk.room()), MSG_DONTWAIT);
  if (got < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  if (got == 0) {
    client.talk.end_input();
    return !client.talk.is_over();
  }
  client.talk.take({bytes.data(), static_cast<std::size_t>(got)});
  if (client.talk.waits()) {
    set_deadline(client);
  }
  if (client.talk.unsent().empty()) {
    return true;
  }
  set_deadline(client);
  return send(client);
}

bool Server::send(Client& client) {
  while (!client.talk.unsent().empty()) {
    const std::string_view rest = client.talk.unsent();
    const ssize_t went = ::send(client.socket.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (went < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    client.talk.sent(static_cast<std::size_t>(went));
    if (static_cast<std::size_t>(went) == rest.size()) {
      set_deadline(client);
    }
  }
  if (client.talk.is_for_agent()) {
    vm_.join_agent(std::move(client.socket));
    return false;
  }
  return !client.talk.is_over();
}

void Server::limit_waiting() {
  auto waiting = static_cast<std::size_t>(
      std::ranges::count_if(clients_, [](const Client& client) { return client.talk.waits(); }));
  // The last to come are refused.
  for (auto client = clients_.rbegin(); client != clients_.rend() && waiting > rules_.waiting_max; ++client) {
    if (client->talk.waits()) {
      client->talk.refuse_wait();
      set_deadline(*client);
      --waiting;
    }
  }
}

}  // namespace mayfly::control
