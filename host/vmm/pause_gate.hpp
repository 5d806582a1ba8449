// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace mayfly::vmm {

/// Where vCPU threads and the I/O thread wait while the machine is paused. Open at first.
class PauseGate {
 public:
  /// True when hold() would wait; what a thread's loop asks each time. Any thread.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(); }

  /// Waits as long as the gate is closed. A vCPU's thread or the I/O thread.
  void hold() noexcept;
  /// The calling thread never comes again: from now on it counts as one that waits.
  void leave() noexcept;

  /// Any thread; who closes it also interrupts those threads.
  void close() noexcept { closed_.store(true); }
  void open() noexcept;
  /// Waits until `threads` wait at the gate; false when that takes longer than `patience`. Any thread.
  [[nodiscard]] bool wait_for(std::size_t threads, std::chrono::milliseconds patience) noexcept;

 private:
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0;
};

}  // namespace mayfly::vmm
