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
#include "lease/server.hpp"

namespace mayfly::broker {

struct BrokerParts {
  /// No device twice.
  std::vector<LotSpec> lots{};
  OpenLot open{};
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
/// in an address space that no other tenant has mapped anything in, and memory of a file that nobody else has
/// had. Devices that somebody still has open cannot be:
/// those are quarantined, and tried again. What clients can do is said of lease::Server.
///
/// One thread.
class Broker final : private lease::Service {
 public:
  /// Listens first, so that a second broker is refused before it touches a device. Throws Error.
  Broker(BrokerParts parts, std::string path);

  /// Opens all lots, at once, and lends them until `stop` is readable. Tenants keep what they have. Block
  /// signals before. Throws Error when a lot cannot be opened at the start.
  void run(int stop);

 private:
  struct Holding {
    Holding(LotSpec spec, const RetryRules& rules) : lot(std::move(spec), rules) {}
    Lot lot;
    bool was_ready = false;
    /// CLOCK_MONOTONIC; 0: not to be tried again now.
    std::uint64_t retry_at_ns = 0;
    std::unique_ptr<Opening> opening{};
  };
  /// A client that waits for what it has asked for, or has it.
  struct Asked {
    lease::Client* client;
    Request request;
    Holding* holding;
    bool has_lease = false;
  };

  void open(Holding& holding, Kept left = {});
  void look_after(Holding& holding);
  void take_outcome(Holding& holding);
  void serve_waiting(Holding& holding);
  [[nodiscard]] std::uint64_t next_retry_ns() const noexcept;

  void on_request(lease::Client& client, std::span<const std::byte> packet) override;
  [[nodiscard]] std::vector<std::byte> refusal_of_stranger() const override;
  void on_end(lease::Client& client) override;
  void answer(lease::Client& client, const Request& request);
  void lend(Asked& asked);
  void refuse(lease::Client& client, std::string why);
  [[nodiscard]] std::string all_addresses() const;

  BrokerParts parts_;
  lease::Server server_;
  Fd opened_;  // an eventfd
  std::list<Holding> holdings_;
  std::list<Asked> asked_;
};

}  // namespace mayfly::broker
