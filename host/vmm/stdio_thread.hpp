// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace mayfly::vmm {

/// A thread that may sit in a blocking read or write of a descriptor that is not ours to make non-blocking,
/// and can be ended all the same.
class StdioThread {
 public:
  StdioThread() noexcept;
  StdioThread(const StdioThread&) = delete;
  StdioThread& operator=(const StdioThread&) = delete;
  /// The owner has called end().
  ~StdioThread() = default;

  /// Runs `body(argument)`. False when the host has no thread left. Once.
  [[nodiscard]] bool start(void (*body)(void*) noexcept, void* argument) noexcept;

  /// Waits for the body, whose condition to go on the owner has made false, and interrupts the system calls
  /// that it sits in (they return EINTR) until it has seen so. Nothing when not started.
  void end() noexcept;

  [[nodiscard]] bool started() const noexcept { return thread_.joinable(); }

 private:
  void run(void (*body)(void*) noexcept, void* argument) noexcept;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable finish_;
  bool finished_ = false;
  bool interruptible_;
};

}  // namespace mayfly::vmm
