// SPDX-License-Identifier: Apache-2.0
//
// The clients of a broker: what is heard, and what follows.
#include <algorithm>
#include <utility>

#include "broker/broker.hpp"

namespace mayfly::broker {
namespace {

std::vector<std::byte> packet_of(const WireAnswer& answer) {
  const auto bytes = std::as_bytes(std::span(&answer, 1));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::byte> Broker::refusal_of_stranger() const {
  return packet_of(to_wire(Answer{"it lends devices to its own user and root only"}));
}

void Broker::on_request(lease::Client& client, std::span<const std::byte> packet) {
  const auto request = parse_request(packet);
  if (!request.has_value()) {
    refuse(client, "it was sent " + std::string(describe(request.error())));
    return;
  }
  answer(client, *request);
}

void Broker::answer(lease::Client& client, const Request& request) {
  std::erase_if(asked_, [&](const Asked& asked) { return asked.client == &client; });
  const vfio::PciAddress& first = request.addresses().front();
  const auto holding =
      std::ranges::find_if(holdings_, [&](const Holding& each) { return each.lot.has(first); });
  if (holding == holdings_.end()) {
    refuse(client, "it does not have device " + to_string(first) + "; it has " + all_addresses());
    return;
  }
  const Lot& lot = holding->lot;
  for (const vfio::PciAddress& address : request.addresses()) {
    if (!lot.has(address)) {
      refuse(client, "devices " + to_string(first) + " and " + to_string(address) +
                         " are not for one guest; name them to mayfly device serve with a comma");
      return;
    }
  }
  const MemoryWanted& wanted = request.memory();
  if (const auto& kept = lot.spec().memory; kept.has_value() && !kept->fits(wanted.bytes, wanted.pages)) {
    refuse(client, "it keeps device " + to_string(first) + " with " + to_string(*kept) +
                       ", all that its guest has: run that with --memory " +
                       std::to_string(kept->bytes / kMiB) + "M, and no other --pages");
    return;
  }
  switch (lot.state()) {
    case Lot::State::kOpening:
      asked_.push_back({&client, request, &*holding});
      lease::Server::let_wait(client);
      return;
    case Lot::State::kReady:
      lend(asked_.emplace_back(Asked{&client, request, &*holding}));
      return;
    case Lot::State::kLeased:
      refuse(client, "device " + to_string(first) + " is lent to " + lot.tenant());
      return;
    case Lot::State::kQuarantined:
      refuse(client, "device " + to_string(first) + " is quarantined: " + lot.why());
      return;
  }
}

void Broker::lend(Asked& asked) {
  Lot& lot = asked.holding->lot;
  const Kept& kept = lot.kept();
  const vfio::OpenedFiles& files = kept.devices.files;
  std::vector<int> numbers{files.space.get()};
  for (const vfio::PciAddress& address : asked.request.addresses()) {
    const auto at = std::ranges::find(lot.addresses(), address) - lot.addresses().begin();
    numbers.push_back(files.devices[static_cast<std::size_t>(at)].get());
  }
  Answer answer{"", files.interface, files.ioas};
  if (kept.memory) {
    answer.pages = lot.spec().memory->pages;
    numbers.push_back(kept.memory.get());
  }
  const std::vector<std::byte> granted = packet_of(to_wire(answer));
  lot.lend(name_of(asked.client->peer));
  asked.has_lease = true;
  server_.lend(*asked.client, granted, numbers);
}

void Broker::refuse(lease::Client& client, std::string why) {
  server_.refuse(client, packet_of(to_wire(Answer{std::move(why)})));
}

void Broker::on_end(lease::Client& client) {
  const auto asked = std::ranges::find(asked_, &client, &Asked::client);
  Holding& holding = *asked->holding;
  const bool had_lease = asked->has_lease;
  asked_.erase(asked);
  if (had_lease) {
    open(holding, holding.lot.end_lease());
  }
}

std::string Broker::all_addresses() const {
  std::vector<vfio::PciAddress> all;
  for (const Holding& holding : holdings_) {
    all.insert(all.end(), holding.lot.addresses().begin(), holding.lot.addresses().end());
  }
  return to_string(all);
}

}  // namespace mayfly::broker
