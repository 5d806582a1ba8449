// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <span>
#include <string>
#include <vector>

#include <poll.h>

#include "lease/socket.hpp"

namespace mayfly::lease {

/// No deadline.
inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// CLOCK_MONOTONIC after that time.
[[nodiscard]] std::uint64_t after(std::chrono::milliseconds time) noexcept;

/// One connection.
struct Client {
  enum class Phase : std::uint8_t { kToAsk, kWaits, kTenant, kGone };
  Fd socket{};
  Peer peer{};
  Phase phase = Phase::kToAsk;
  std::uint64_t ask_before_ns = 0;
};

/// "process 7"; one in another PID namespace has no number here.
[[nodiscard]] std::string name_of(const Peer& peer);

/// Who answers the requests that a Server hears.
class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  /// A client's one request, cut after the most that a request has plus one byte. To be answered by lend() or
  /// refuse(), now or, after let_wait(), later.
  virtual void on_request(Client& client, std::span<const std::byte> request) = 0;
  /// Why one is refused who is neither our user nor root: a packet.
  [[nodiscard]] virtual std::vector<std::byte> refusal_of_stranger() const = 0;
  /// One that waited, or was lent something, has gone; it is no more when this returns.
  virtual void on_end(Client& client) = 0;
};

struct ServerRules {
  std::size_t request_bytes = 0;
  /// How long a client may take to ask.
  std::chrono::milliseconds ask_within{5000};
};

/// Lets clients in at a socket, for a Service. A client can be anything, and harms nobody else: it has one
/// packet of bounded size to send, and is dropped for a second one, for taking too long to ask, and for not
/// taking its answer; descriptors that it sends are closed. At most kClientsMax are there beside the tenants;
/// further ones wait in the kernel's queue. One thread.
class Server {
 public:
  static constexpr std::size_t kClientsMax = 64;

  /// Throws Error when somebody listens at `path`. `service` outlives this.
  Server(std::string path, Service& service, const ServerRules& rules);

  /// Waits until something happens: at a client, which the service is told of, or at one of `events`, or
  /// until `deadline_ns` of CLOCK_MONOTONIC.
  void wait(std::span<pollfd> events, std::uint64_t deadline_ns);

  /// The client is answered later.
  static void let_wait(Client& client) noexcept { client.phase = Client::Phase::kWaits; }
  /// Answers with descriptors, after which the client is a tenant; whatever becomes of it, it may have them.
  void lend(Client& client, std::span<const std::byte> answer, std::span<const int> files);
  /// Answers, and ends the connection.
  void refuse(Client& client, std::span<const std::byte> answer);

 private:
  [[nodiscard]] bool has_room() const noexcept;
  [[nodiscard]] std::uint64_t next_deadline_ns() const noexcept;
  void accept_all();
  void hear(Client& client);
  void drop(Client& client);

  Service& service_;
  ServerRules rules_;
  Listener listener_;
  std::uint64_t accept_after_ns_ = 0;
  std::list<Client> clients_;
};

}  // namespace mayfly::lease
