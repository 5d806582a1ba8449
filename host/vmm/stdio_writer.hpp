// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>

#include "control/run_log.hpp"
#include "vmm/stdio_ring.hpp"
#include "vmm/stdio_thread.hpp"

namespace mayfly::vmm {

/// Where a StdioWriter writes: a descriptor, or what stands for it in a log.
struct StdioTarget {
  // NOLINTNEXTLINE(google-explicit-constructor): a descriptor is one.
  StdioTarget(int fd_, control::RunLog* log_ = nullptr,
              control::LogStream stream_ = control::LogStream::kStdout) noexcept
      : fd(fd_), log(log_), stream(stream_) {}

  int fd;
  control::RunLog* log;
  control::LogStream stream;
};

/// Writes bytes to one descriptor of the caller, in order, on a thread of its own: a reader that stalls holds
/// up nobody else. All calls are thread-safe.
class StdioWriter {
 public:
  /// What happened since the last look.
  struct Progress {
    std::size_t left_ring;  ///< Bytes written, or dropped because the descriptor takes no more.
    int error;              ///< errno of the write after which all is dropped; 0 while it works.
    bool drained;           ///< As drained().
  };

  /// `target` stays the caller's. `progressed` is called on the thread, no lock held, after each change of
  /// Progress.
  StdioWriter(StdioTarget target, std::size_t capacity, std::function<void()> progressed);
  ~StdioWriter() { stop(); }
  StdioWriter(const StdioWriter&) = delete;
  StdioWriter& operator=(const StdioWriter&) = delete;

  /// Starts the thread; a further call does nothing. False when the host has no thread left.
  [[nodiscard]] bool start() noexcept;
  /// After start(). Takes what there is room for; how much that was. Does not block.
  std::size_t put(std::span<const std::byte> bytes) noexcept;
  /// How much put() would take.
  [[nodiscard]] std::size_t room() noexcept;
  /// No put() after this; the thread ends when all is written.
  void finish() noexcept;
  /// Drops what is not written and ends the thread; joined on return. Never from `progressed`.
  void stop() noexcept;

  [[nodiscard]] Progress take_progress() noexcept;
  /// finish() or stop() was called and nothing is left to write.
  [[nodiscard]] bool drained() noexcept;
  /// After finish(): waits until all is written, at most `limit`; whether it is.
  bool wait_drained(std::chrono::milliseconds limit) noexcept;

 private:
  void write_all() noexcept;
  [[nodiscard]] std::size_t write_some(std::span<const std::byte> bytes) noexcept;

  const StdioTarget target_;
  const std::function<void()> progressed_;
  std::mutex mutex_;
  std::condition_variable change_;
  StdioRing ring_;
  std::size_t left_ring_ = 0;
  int error_ = 0;
  bool finished_ = false;
  bool stopped_ = false;
  bool drained_ = false;
  StdioThread thread_;
};

}  // namespace mayfly::vmm
