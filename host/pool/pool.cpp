// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace mayfly::pool {

Pool::Pool(PoolParts parts, Source& source, std::string path)
    : parts_(std::move(parts)),
      server_(std::move(path), *this,
              {.request_bytes = sizeof(WireRequest), .ask_within = parts_.ask_within}),
      filler_(source, parts_.background) {
  MAYFLY_ASSERT(parts_.shelves.size() <= kShelvesMax);
  for (const ShelfSpec& spec : parts_.shelves) {
    holdings_.emplace_back(spec);
  }
}

void Pool::run(int stop) {
  std::array<pollfd, 2> events{{{stop, POLLIN, 0}, {filler_.event(), POLLIN, 0}}};
  while (events[0].revents == 0) {
    for (Holding& holding : holdings_) {
      look_after(holding);
    }
    filler_.set_urgent(std::ranges::any_of(asked_, [](const Asked& asked) { return !asked.memory; }));
    server_.wait(events, next_retry_ns());
    take_done();
    serve_waiting();
  }
}

void Pool::look_after(Holding& holding) {
  Shelf& shelf = holding.shelf;
  if (holding.retry_at_ns != 0 && monotonic_ns() >= holding.retry_at_ns) {
    holding.retry_at_ns = 0;
    shelf.retry();
  }
  while (shelf.wants_fill(waiting_for(holding))) {
    shelf.begin_fill();
    filler_.fill(shelf);
  }
}

void Pool::take_done() {
  for (Filler::Done& done : filler_.take_done()) {
    Holding& holding = holding_of(*done.shelf);
    if (auto* filled = std::get_if<Result<Fd, std::string>>(&done.what)) {
      take_filled(holding, std::move(*filled));
    } else {
      holding.shelf.gone();
    }
  }
}

void Pool::take_filled(Holding& holding, Result<Fd, std::string> outcome) {
  Shelf& shelf = holding.shelf;
  const bool was_wrong = !shelf.why().empty();
  if (outcome.has_value()) {
    shelf.filled(*std::move(outcome));
    if (was_wrong) {
      parts_.on_trouble("there is " + to_string(shelf.kind()) + " again");
    }
    if (shelf.is_full() && !std::exchange(holding.is_told_ready, true)) {
      holding.was_ready = true;
      parts_.on_ready(shelf);
    }
    return;
  }
  std::string why = "cannot fill " + to_string(shelf.kind()) + ": " + outcome.error();
  if (!holding.was_ready) {
    throw Error(std::move(why));
  }
  shelf.failed(std::move(outcome.error()));
  holding.retry_at_ns = lease::after(parts_.retry_after);
  if (!was_wrong) {
    parts_.on_trouble(why + "; it is tried again until it can be filled");
  }
}

void Pool::serve_waiting() {
  std::vector<std::pair<lease::Client*, MemoryRequest>> waiting;
  for (const Asked& asked : asked_) {
    if (!asked.memory) {
      waiting.emplace_back(asked.client, asked.request);
    }
  }
  for (const auto& [client, request] : waiting) {
    answer(*client, request);
  }
}

std::uint32_t Pool::waiting_for(const Holding& holding) const noexcept {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      asked_, [&](const Asked& asked) { return asked.holding == &holding && !asked.memory; }));
}

std::uint64_t Pool::next_retry_ns() const noexcept {
  std::uint64_t next = lease::kNever;
  for (const Holding& holding : holdings_) {
    next = holding.retry_at_ns != 0 ? std::min(next, holding.retry_at_ns) : next;
  }
  return next;
}

Pool::Holding& Pool::holding_of(const Shelf& shelf) noexcept {
  return *std::ranges::find_if(holdings_, [&](const Holding& each) { return &each.shelf == &shelf; });
}

}  // namespace mayfly::pool
