// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace mayfly::broker {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Broker::Broker(BrokerParts parts, std::string path)
    : parts_(std::move(parts)),
      listener_(std::move(path)),
      opened_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!opened_) {
    fail_errno("eventfd");
  }
  for (const auto& addresses : parts_.lots) {
    holdings_.emplace_back(addresses, parts_.retries);
  }
}

void Broker::run(int stop) {
  for (Holding& holding : holdings_) {
    open(holding);
  }
  while (!stopped_) {
    poll(stop);
    for (Holding& holding : holdings_) {
      look_after(holding);
    }
  }
}

void Broker::open(Holding& holding, vfio::HeldDevices left) {
  holding.retry_at_ns = 0;
  holding.opening =
      std::make_unique<Opening>(std::move(left), parts_.open, holding.lot.addresses(), opened_.get());
}

void Broker::look_after(Holding& holding) {
  if (holding.opening != nullptr && holding.opening->is_done()) {
    take_outcome(holding);
    serve_waiting(holding);
  }
  if (holding.retry_at_ns != 0 && monotonic_ns() >= holding.retry_at_ns) {
    open(holding);
  }
}

void Broker::take_outcome(Holding& holding) {
  Opening::Outcome outcome = std::exchange(holding.opening, nullptr)->take();
  Lot& lot = holding.lot;
  if (outcome.has_value()) {
    lot.opened(*std::move(outcome));
    holding.was_ready = true;
    parts_.on_ready(lot);
    return;
  }
  if (!holding.was_ready) {
    throw Error(std::move(outcome.error()));
  }
  if (lot.failed(std::move(outcome.error()))) {
    parts_.on_trouble("quarantined: " + to_string(lot.addresses()) + ": " + lot.why() +
                      "; it is tried again until it can be reset");
  }
  holding.retry_at_ns = in(lot.retry_after());
}

void Broker::serve_waiting(Holding& holding) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    const bool waits = client->phase == Client::Phase::kWaits && client->holding == &holding;
    client = waits ? ask(client, Request(client->request)) : std::next(client);
  }
}

void Broker::poll(int stop) {
  const bool accepts = has_room() && monotonic_ns() >= accept_after_ns_;
  std::vector<pollfd> watched{
      {stop, POLLIN, 0}, {opened_.get(), POLLIN, 0}, {accepts ? listener_.fd() : -1, POLLIN, 0}};
  const std::size_t first_client = watched.size();
  for (const Client& client : clients_) {
    watched.push_back({client.socket.get(), POLLIN, 0});
  }
  const std::uint64_t deadline = next_deadline_ns();
  const std::uint64_t now = monotonic_ns();
  const timespec left = to_timespec(deadline > now ? deadline - now : 0);
  if (::ppoll(watched.data(), watched.size(), deadline == kNever ? nullptr : &left, nullptr) < 0) {
    return;
  }
  stopped_ = watched[0].revents != 0;
  eventfd_t count = 0;
  (void)::eventfd_read(opened_.get(), &count);
  auto client = clients_.begin();
  for (std::size_t i = first_client; i < watched.size(); ++i) {
    const bool is_late = client->phase == Client::Phase::kToAsk && monotonic_ns() >= client->ask_before_ns;
    client = watched[i].revents != 0 ? hear(client) : is_late ? drop(client) : std::next(client);
  }
  if (watched[2].revents != 0) {
    accept_all();
  }
}

std::uint64_t Broker::in(std::chrono::milliseconds time) noexcept {
  return monotonic_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

std::uint64_t Broker::next_deadline_ns() const noexcept {
  std::uint64_t next = accept_after_ns_ > monotonic_ns() ? accept_after_ns_ : kNever;
  for (const Client& client : clients_) {
    next = client.phase == Client::Phase::kToAsk ? std::min(next, client.ask_before_ns) : next;
  }
  for (const Holding& holding : holdings_) {
    next = holding.retry_at_ns != 0 ? std::min(next, holding.retry_at_ns) : next;
  }
  return next;
}

}  // namespace mayfly::broker
