// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "broker/lot.hpp"
#include "broker/messages.hpp"
#include "broker/opening.hpp"
#include "broker/socket.hpp"

namespace mayfly::broker {

struct BrokerParts {
  /// Devices that are leased together, for each lot; no device twice.
  std::vector<std::vector<vfio::PciAddress>> lots{};
  OpenDevices open{};
  /// Called when a lot is open and reset, each time.
  std::function<void(const Lot&)> on_ready{};
  /// Called with a sentence for the user when something is wrong, or right again.
  std::function<void(std::string_view)> on_trouble{};
  RetryRules retries{};
  /// How long a client may take to ask.
  std::chrono::milliseconds ask_within{5000};
};

/// Keeps devices open and reset, and lends them to clients: a connection is a lease, and its end the lease's.
/// Then the broker closes its own files and opens anew, so that a tenant gets devices that were reset once,
/// in an address space that nobody has mapped anything in. Devices that somebody still has open cannot be:
/// those are quarantined, and tried again.
///
/// A client can be anything, and harms nobody else: it has one packet of fixed size to send, and is dropped
/// for any other, for a second one, for taking too long to ask, and for not taking its answer. At most
/// kClientsMax are there beside the tenants; further ones wait in the kernel's queue.
///
/// One thread.
class Broker {
 public:
  static constexpr std::size_t kClientsMax = 64;

  /// Listens first, so that a second broker is refused before it touches a device. Throws Error.
  Broker(BrokerParts parts, std::string path);

  /// Opens all lots, at once, and lends them until `stop` is readable. Tenants keep what they have. Block
  /// signals before. Throws Error when a lot cannot be opened at the start.
  void run(int stop);

 private:
  struct Holding {
    Holding(std::vector<vfio::PciAddress> addresses, const RetryRules& rules)
        : lot(std::move(addresses), rules) {}
    Lot lot;
    bool was_ready = false;
    /// CLOCK_MONOTONIC; 0: not to be tried again now.
    std::uint64_t retry_at_ns = 0;
    std::unique_ptr<Opening> opening{};
  };
  struct Client {
    enum class Phase : std::uint8_t { kToAsk, kWaits, kTenant };
    Fd socket;
    Peer peer;
    Phase phase = Phase::kToAsk;
    std::uint64_t ask_before_ns = 0;
    Request request{{}};
    Holding* holding = nullptr;
  };
  using Clients = std::list<Client>;

  /// CLOCK_MONOTONIC after that time.
  [[nodiscard]] static std::uint64_t in(std::chrono::milliseconds time) noexcept;

  void open(Holding& holding, vfio::HeldDevices left = {});
  void look_after(Holding& holding);
  void take_outcome(Holding& holding);
  void serve_waiting(Holding& holding);

  void accept_all();
  [[nodiscard]] bool has_room() const noexcept;
  /// What follows from something on the client's socket; each gives the client behind it.
  Clients::iterator hear(Clients::iterator client);
  Clients::iterator ask(Clients::iterator client, const Request& request);
  Clients::iterator lend(Clients::iterator client);
  Clients::iterator refuse(Clients::iterator client, std::string why);
  Clients::iterator drop(Clients::iterator client);

  void poll(int stop);
  [[nodiscard]] std::uint64_t next_deadline_ns() const noexcept;
  [[nodiscard]] std::string all_addresses() const;

  BrokerParts parts_;
  Listener listener_;
  Fd opened_;  // an eventfd
  std::uint64_t accept_after_ns_ = 0;
  bool stopped_ = false;
  std::list<Holding> holdings_;
  Clients clients_;
};

}  // namespace mayfly::broker
