// SPDX-License-Identifier: Apache-2.0
//
// The clients of a pool: what is heard, and what follows.
#include <algorithm>
#include <utility>

#include "pool/pool.hpp"

namespace mayfly::pool {
namespace {

template <typename Message>
std::vector<std::byte> packet_of(const Message& message) {
  const auto bytes = std::as_bytes(std::span(&message, 1));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::byte> Pool::refusal_of_stranger() const {
  return packet_of(to_wire(Answer{"it lends memory to its own user and root only"}));
}

void Pool::on_request(lease::Client& client, std::span<const std::byte> packet) {
  const auto request = parse_request(packet);
  if (!request.has_value()) {
    refuse(client, "it was sent " + std::string(describe(request.error())));
  } else if (request->has_value()) {
    answer(client, **request);
  } else {
    server_.refuse(client, packet_of(to_wire(std::span<const ShelfStatus>(status()))));
  }
}

void Pool::answer(lease::Client& client, const MemoryRequest& request) {
  const auto before = std::ranges::find(asked_, &client, &Asked::client);
  const std::vector<Holding*> fits = fitting(request);
  if (fits.empty()) {
    refuse(client, describe_lack(request));
    return;
  }
  if (fits.front()->shelf.has_ready()) {
    lend(client, request, *fits.front());
    return;
  }
  const auto hope =
      std::ranges::find_if(fits, [](const Holding* each) { return each->shelf.may_get_more(); });
  if (hope == fits.end()) {
    if (before != asked_.end()) {
      asked_.erase(before);
    }
    const Shelf& shelf = fits.front()->shelf;
    refuse(client, shelf.why().empty() ? "all of its " + to_string(shelf.kind()) +
                                             " are lent: " + std::to_string(shelf.status().lent) + " of " +
                                             std::to_string(shelf.spec().most)
                                       : "it cannot fill " + to_string(shelf.kind()) + ": " + shelf.why());
    return;
  }
  if (before == asked_.end()) {
    asked_.push_back({&client, request, *hope});
    lease::Server::let_wait(client);
  } else {
    before->holding = *hope;
  }
}

void Pool::lend(lease::Client& client, const MemoryRequest& request, Holding& holding) {
  auto asked = std::ranges::find(asked_, &client, &Asked::client);
  const bool waited = asked != asked_.end();
  if (!waited) {
    asked = asked_.insert(asked_.end(), Asked{&client, request});
  }
  asked->holding = &holding;
  asked->memory = holding.shelf.lend(waited);
  holding.is_told_ready = false;
  const int memory = asked->memory.get();
  server_.lend(client, packet_of(to_wire(Answer{"", holding.shelf.kind().pages})), {&memory, 1});
}

void Pool::refuse(lease::Client& client, std::string why) {
  server_.refuse(client, packet_of(to_wire(Answer{std::move(why)})));
}

void Pool::on_end(lease::Client& client) {
  const auto asked = std::ranges::find(asked_, &client, &Asked::client);
  if (asked->memory) {
    asked->holding->shelf.take_back();
    filler_.give_back(asked->holding->shelf, std::move(asked->memory));
  }
  asked_.erase(asked);
}

std::vector<ShelfStatus> Pool::status() const {
  std::vector<ShelfStatus> all;
  for (const Holding& holding : holdings_) {
    ShelfStatus& each = all.emplace_back(holding.shelf.status());
    each.waiting = waiting_for(holding);
  }
  return all;
}

std::vector<Pool::Holding*> Pool::fitting(const MemoryRequest& request) {
  std::vector<Holding*> fits;
  for (Holding& holding : holdings_) {
    if (holding.shelf.fits(request)) {
      fits.push_back(&holding);
    }
  }
  // What is ready before what is not, then what is near, then the larger pages.
  std::ranges::stable_sort(fits, std::greater<>(), [&](const Holding* each) {
    const MemoryKind& kind = each->shelf.kind();
    const bool is_near = kind.node.has_value() && kind.node == request.near_node;
    return std::tuple(each->shelf.has_ready(), is_near, kind.pages);
  });
  return fits;
}

std::string Pool::describe_lack(const MemoryRequest& request) const {
  std::string kept;
  for (const Holding& holding : holdings_) {
    kept += (kept.empty() ? "" : ", ") + to_string(holding.shelf.kind());
  }
  return "it keeps no " + std::to_string(request.bytes / kMiB) + " MiB" +
         (request.pages == Pages::kAuto ? "" : " of " + std::string(name(request.pages)) + " pages") +
         "; it keeps " + kept;
}

}  // namespace mayfly::pool
