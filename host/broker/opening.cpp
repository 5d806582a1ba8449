// SPDX-License-Identifier: Apache-2.0
#include "broker/opening.hpp"

#include <exception>
#include <utility>

#include <sys/eventfd.h>

#include "base/error.hpp"

namespace mayfly::broker {

Opening::Opening(Kept left, const OpenLot& open, const LotSpec& lot, int done)
    : thread_([this, left = std::move(left), &open, &lot, done](const std::stop_token& stop) mutable {
        run(std::move(left), open, lot, done, stop);
      }) {}

void Opening::run(Kept left, const OpenLot& open, const LotSpec& lot, int done,
                  const std::stop_token& stop) noexcept {
  // Each device is reset as its last file closes, and again as it opens. Its memory is pinned until then.
  left.devices = {};
  if (left.memory) {
    give_back(std::move(left.memory), lot.memory->bytes);
  }
  try {
    outcome_ = open(lot, stop);
  } catch (const std::exception& error) {
    outcome_ = unexpected(std::string(error.what()));
  }
  done_.store(true, std::memory_order_release);
  (void)::eventfd_write(done, 1);
}

Opening::Outcome Opening::take() {
  MAYFLY_ASSERT(is_done());
  thread_.join();
  return std::move(outcome_);
}

}  // namespace mayfly::broker
