// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

/// Opens and resets devices, which takes up to a second. Any thread, several at once. Throws Error.
using OpenDevices = std::function<vfio::HeldDevices(const std::vector<vfio::PciAddress>&)>;

/// Devices that are being opened, by a thread of their own; joined by the destructor.
class Opening {
 public:
  using Outcome = Result<vfio::HeldDevices, std::string>;

  /// Closes what is left of the last tenant, then opens. Adds to the eventfd `done` at the end. `open`,
  /// `addresses` and `done` outlive this. Block signals before.
  Opening(vfio::HeldDevices left, const OpenDevices& open, const std::vector<vfio::PciAddress>& addresses,
          int done);
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() = default;

  [[nodiscard]] bool is_done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// Once, when done.
  [[nodiscard]] Outcome take();

 private:
  void run(vfio::HeldDevices left, const OpenDevices& open, const std::vector<vfio::PciAddress>& addresses,
           int done) noexcept;

  Outcome outcome_{};
  std::atomic<bool> done_{false};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::broker
