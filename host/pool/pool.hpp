// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lease/server.hpp"
#include "pool/filler.hpp"
#include "pool/messages.hpp"
#include "pool/shelf.hpp"
#include "pool/source.hpp"

namespace mayfly::pool {

struct PoolParts {
  /// At most kShelvesMax.
  std::vector<ShelfSpec> shelves{};
  /// Called when there is as much ready of one kind as was asked for, each time.
  std::function<void(const Shelf&)> on_ready{};
  /// Called with a sentence for the user when something is wrong, or right again.
  std::function<void(std::string_view)> on_trouble{};
  /// When memory that the host did not have is tried for again.
  std::chrono::milliseconds retry_after{1000};
  Filler::Background background = Filler::Background::kIdle;
  /// How long a client may take to ask.
  std::chrono::milliseconds ask_within{5000};
};

/// Keeps memory that is filled and zeroed, and lends it to clients: a connection is a lease, and its end the
/// lease's. Then the pool punches the pages out of the file, closes it, and fills a new one: no file has two
/// tenants, and what one tenant leaves the next cannot find, even where somebody still has the file. What
/// clients can do is said of lease::Server.
///
/// One thread, and those of the Filler.
class Pool final : private lease::Service {
 public:
  /// Listens first, so that a second pool is refused before it takes memory. `source` outlives this. Block
  /// signals before. Throws Error.
  Pool(PoolParts parts, Source& source, std::string path);

  /// Fills, and lends, until `stop` is readable. Tenants keep what they have. Throws Error when not all that
  /// is to be kept can be filled at the start.
  void run(int stop);

 private:
  struct Holding {
    explicit Holding(const ShelfSpec& spec) noexcept : shelf(spec) {}
    Shelf shelf;
    /// It was full once, and since.
    bool was_ready = false;
    bool is_told_ready = false;
    /// CLOCK_MONOTONIC; 0: not to be tried again now.
    std::uint64_t retry_at_ns = 0;
  };
  /// A client that waits for memory, or has it.
  struct Asked {
    lease::Client* client;
    MemoryRequest request;
    /// The one that is waited for, or has lent.
    Holding* holding = nullptr;
    /// What was lent; empty while it waits.
    Fd memory{};
  };

  void look_after(Holding& holding);
  void take_done();
  void take_filled(Holding& holding, Result<Fd, std::string> outcome);
  void serve_waiting();
  [[nodiscard]] std::uint32_t waiting_for(const Holding& holding) const noexcept;
  [[nodiscard]] std::uint64_t next_retry_ns() const noexcept;
  [[nodiscard]] Holding& holding_of(const Shelf& shelf) noexcept;

  void on_request(lease::Client& client, std::span<const std::byte> packet) override;
  [[nodiscard]] std::vector<std::byte> refusal_of_stranger() const override;
  void on_end(lease::Client& client) override;
  void answer(lease::Client& client, const MemoryRequest& request);
  void lend(lease::Client& client, const MemoryRequest& request, Holding& holding);
  void refuse(lease::Client& client, std::string why);
  [[nodiscard]] std::vector<ShelfStatus> status() const;
  /// Those that have what is asked for, the best first.
  [[nodiscard]] std::vector<Holding*> fitting(const MemoryRequest& request);
  [[nodiscard]] std::string describe_lack(const MemoryRequest& request) const;

  PoolParts parts_;
  lease::Server server_;
  std::list<Holding> holdings_;
  std::list<Asked> asked_;
  Filler filler_;
};

}  // namespace mayfly::pool
