// SPDX-License-Identifier: Apache-2.0
//
// The clients of a broker: who is let in, what is heard, and what follows.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "base/clock.hpp"
#include "broker/broker.hpp"

namespace mayfly::broker {
namespace {

/// Where the host has no descriptor left for one more client.
constexpr std::uint64_t kPauseNs = 100'000'000;
constexpr Peer kNobody{.process = 0, .user = ~uid_t{0}};

// One in another PID namespace has no number here.
std::string name_of(const Peer& peer) {
  return peer.process == 0 ? "another process" : "process " + std::to_string(peer.process);
}

}  // namespace

bool Broker::has_room() const noexcept {
  const auto tenants = std::ranges::count(clients_, Client::Phase::kTenant, &Client::phase);
  return clients_.size() - static_cast<std::size_t>(tenants) < kClientsMax;
}

void Broker::accept_all() {
  while (has_room()) {
    Fd socket = listener_.accept();
    if (!socket) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        accept_after_ns_ = monotonic_ns() + kPauseNs;
      }
      return;
    }
    const Peer peer = peer_of(socket.get()).value_or(kNobody);
    clients_.push_back({.socket = std::move(socket), .peer = peer, .ask_before_ns = in(parts_.ask_within)});
  }
}

Broker::Clients::iterator Broker::hear(Clients::iterator client) {
  // One byte more than a request has, so that a longer one is seen.
  std::array<std::byte, sizeof(WireRequest) + 1> packet;
  const ssize_t got = ::recv(client->socket.get(), packet.data(), packet.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return std::next(client);
  }
  // The end, or what no client of ours does: it has one thing to say, once.
  if (got <= 0 || client->phase != Client::Phase::kToAsk) {
    return drop(client);
  }
  // Not before it has spoken: a connection that ends with words unheard loses our answer.
  if (!is_trusted(client->peer)) {
    return refuse(client, "it lends devices to its own user and root only");
  }
  const auto request = parse_request(std::span(packet).first(static_cast<std::size_t>(got)));
  if (!request.has_value()) {
    return refuse(client, "it was sent " + std::string(describe(request.error())));
  }
  return ask(client, *request);
}

Broker::Clients::iterator Broker::ask(Clients::iterator client, const Request& request) {
  const vfio::PciAddress& first = request.addresses().front();
  const auto holding =
      std::ranges::find_if(holdings_, [&](const Holding& each) { return each.lot.has(first); });
  if (holding == holdings_.end()) {
    return refuse(client, "it does not have device " + to_string(first) + "; it has " + all_addresses());
  }
  const Lot& lot = holding->lot;
  for (const vfio::PciAddress& address : request.addresses()) {
    if (!lot.has(address)) {
      return refuse(client, "devices " + to_string(first) + " and " + to_string(address) +
                                " are not for one guest; name them to mayfly device serve with a comma");
    }
  }
  client->request = request;
  client->holding = &*holding;
  switch (lot.state()) {
    case Lot::State::kOpening:
      client->phase = Client::Phase::kWaits;
      return std::next(client);
    case Lot::State::kReady:
      return lend(client);
    case Lot::State::kLeased:
      return refuse(client, "device " + to_string(first) + " is lent to " + lot.tenant());
    case Lot::State::kQuarantined:
      break;
  }
  return refuse(client, "device " + to_string(first) + " is quarantined: " + lot.why());
}

Broker::Clients::iterator Broker::lend(Clients::iterator client) {
  Lot& lot = client->holding->lot;
  const vfio::OpenedFiles& files = lot.held().files;
  std::vector<int> numbers{files.space.get()};
  for (const vfio::PciAddress& address : client->request.addresses()) {
    const auto at = std::ranges::find(lot.addresses(), address) - lot.addresses().begin();
    numbers.push_back(files.devices[static_cast<std::size_t>(at)].get());
  }
  const WireAnswer answer = to_wire(Answer{"", files.interface});
  // From here on the client may have the files, whatever becomes of it.
  client->phase = Client::Phase::kTenant;
  lot.lend(name_of(client->peer));
  if (!send_packet(client->socket.get(), std::as_bytes(std::span(&answer, 1)), numbers)) {
    return drop(client);
  }
  return std::next(client);
}

Broker::Clients::iterator Broker::refuse(Clients::iterator client, std::string why) {
  const WireAnswer answer = to_wire(Answer{std::move(why)});
  (void)send_packet(client->socket.get(), std::as_bytes(std::span(&answer, 1)));
  return drop(client);
}

Broker::Clients::iterator Broker::drop(Clients::iterator client) {
  Holding* const lease = client->phase == Client::Phase::kTenant ? client->holding : nullptr;
  const auto next = clients_.erase(client);
  if (lease != nullptr) {
    open(*lease, lease->lot.end_lease());
  }
  return next;
}

std::string Broker::all_addresses() const {
  std::vector<vfio::PciAddress> all;
  for (const Holding& holding : holdings_) {
    all.insert(all.end(), holding.lot.addresses().begin(), holding.lot.addresses().end());
  }
  return to_string(all);
}

}  // namespace mayfly::broker
