// SPDX-License-Identifier: Apache-2.0
#include "broker/opening.hpp"

#include <exception>
#include <utility>

#include <sys/eventfd.h>

#include "base/error.hpp"

namespace mayfly::broker {

Opening::Opening(vfio::HeldDevices left, const OpenDevices& open,
                 const std::vector<vfio::PciAddress>& addresses, int done)
    : thread_([this, left = std::move(left), &open, &addresses, done]() mutable {
        run(std::move(left), open, addresses, done);
      }) {}

void Opening::run(vfio::HeldDevices left, const OpenDevices& open,
                  const std::vector<vfio::PciAddress>& addresses, int done) noexcept {
  // Each device is reset as its last file closes, and again as it opens.
  { const vfio::HeldDevices closes = std::move(left); }
  try {
    outcome_ = open(addresses);
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
