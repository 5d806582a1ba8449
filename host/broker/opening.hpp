// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "broker/keeping.hpp"

namespace mayfly::broker {

/// Opens and resets devices, which takes up to a second, and makes their memory, which takes longer but ends
/// when it is told to. Any thread, several at once. Throws Error.
using OpenLot = std::function<Kept(const LotSpec&, const std::stop_token&)>;

/// A lot that is being opened, by a thread of its own; stopped and joined by the destructor.
class Opening {
 public:
  using Outcome = Result<Kept, std::string>;

  /// Closes what is left of the last tenant, gives its memory back to the host, then opens. Adds to the
  /// eventfd `done` at the end. `open`, `lot` and `done` outlive this. Block signals before.
  Opening(Kept left, const OpenLot& open, const LotSpec& lot, int done);
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() = default;

  [[nodiscard]] bool is_done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// Once, when done.
  [[nodiscard]] Outcome take();

 private:
  void run(Kept left, const OpenLot& open, const LotSpec& lot, int done,
           const std::stop_token& stop) noexcept;

  Outcome outcome_{};
  std::atomic<bool> done_{false};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::broker
