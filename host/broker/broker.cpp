// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::broker {

Broker::Broker(BrokerParts parts, std::string path)
    : parts_(std::move(parts)),
      server_(std::move(path), *this,
              {.request_bytes = sizeof(WireRequest), .ask_within = parts_.ask_within}),
      opened_(make_event()) {
  if (!opened_) {
    fail_errno("eventfd");
  }
  for (const LotSpec& lot : parts_.lots) {
    holdings_.emplace_back(lot, parts_.retries);
  }
}

void Broker::run(int stop) {
  for (Holding& holding : holdings_) {
    open(holding);
  }
  std::array<pollfd, 2> events{{{stop, POLLIN, 0}, {opened_.get(), POLLIN, 0}}};
  while (events[0].revents == 0) {
    server_.wait(events, next_retry_ns());
    (void)take_event(opened_.get());
    for (Holding& holding : holdings_) {
      look_after(holding);
    }
  }
}

void Broker::open(Holding& holding, Kept left) {
  holding.retry_at_ns = 0;
  holding.opening =
      std::make_unique<Opening>(std::move(left), parts_.open, holding.lot.spec(), opened_.get());
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
                      "; it is tried again until it is ready");
  }
  holding.retry_at_ns = lease::after(lot.retry_after());
}

void Broker::serve_waiting(Holding& holding) {
  std::vector<Asked> waiting;
  std::ranges::copy_if(asked_, std::back_inserter(waiting), [&](const Asked& asked) {
    return asked.holding == &holding && asked.client->phase == lease::Client::Phase::kWaits;
  });
  for (const Asked& asked : waiting) {
    answer(*asked.client, asked.request);
  }
}

std::uint64_t Broker::next_retry_ns() const noexcept {
  std::uint64_t next = lease::kNever;
  for (const Holding& holding : holdings_) {
    next = holding.retry_at_ns != 0 ? std::min(next, holding.retry_at_ns) : next;
  }
  return next;
}

}  // namespace mayfly::broker
