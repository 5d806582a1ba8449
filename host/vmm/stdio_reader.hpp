// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>

#include "vmm/stdio_ring.hpp"
#include "vmm/stdio_thread.hpp"

namespace mayfly::vmm {

/// Reads one descriptor of the caller on a thread of its own, never further ahead than its final reader has
/// granted. All calls are thread-safe.
class StdioReader {
 public:
  /// `fd` stays the caller's. `arrived` is called on the thread, no lock held, when there is more to take or
  /// the end was reached. `credit` is what may be read before the first grant().
  /// /dev/null is at its end from the beginning.
  StdioReader(int fd, std::size_t credit, std::function<void()> arrived);
  ~StdioReader() { stop(); }
  StdioReader(const StdioReader&) = delete;
  StdioReader& operator=(const StdioReader&) = delete;

  /// Begins to read; a further call does nothing. False when the host has no thread left.
  [[nodiscard]] bool start() noexcept;
  /// The final reader has consumed `count` of the bytes taken. False, and nothing granted, when it never got
  /// as many.
  [[nodiscard]] bool grant(std::size_t count) noexcept;
  /// The final reader is gone: drops what was read, reads no more, never ends. Does not block.
  void abandon() noexcept;
  /// As abandon(), and joins the thread. Never from `arrived`.
  void stop() noexcept;

  /// Bytes that take() would give.
  [[nodiscard]] std::size_t available() noexcept;
  /// Moves bytes out; how many.
  std::size_t take(std::span<std::byte> to) noexcept;
  /// The end was reached and all before it taken.
  [[nodiscard]] bool ended() noexcept;

 private:
  enum class Step : bool { kGoOn, kEnd };
  void read_all() noexcept;
  [[nodiscard]] Step read_some(std::unique_lock<std::mutex>& lock) noexcept;
  [[nodiscard]] Step after_error(std::unique_lock<std::mutex>& lock, int error) noexcept;

  const int fd_;
  const std::function<void()> arrived_;
  std::mutex mutex_;
  std::condition_variable change_;
  StdioRing ring_;
  std::size_t may_read_;
  std::size_t unreturned_ = 0;
  bool at_end_ = false;
  bool abandoned_ = false;
  StdioThread thread_;
};

}  // namespace mayfly::vmm
