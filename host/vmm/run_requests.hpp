// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// What is asked of a run by others than signals, told by any thread to the main loop.
class RunRequests {
 public:
  /// Throws Error when there is no eventfd to be had.
  RunRequests();

  /// The workload is to end: as a first SIGTERM to mayfly, but a second time does nothing.
  void stop() noexcept { ask(stop_); }
  /// The run is to end at once.
  void kill() noexcept { ask(kill_); }

  /// Readable when something was asked, until acknowledge().
  [[nodiscard]] int fd() const noexcept { return event_.get(); }
  void acknowledge() noexcept;
  [[nodiscard]] bool stop_asked() const noexcept { return stop_.load(); }
  [[nodiscard]] bool kill_asked() const noexcept { return kill_.load(); }

 private:
  void ask(std::atomic<bool>& what) noexcept;

  Fd event_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> kill_{false};
};

}  // namespace mayfly::vmm
