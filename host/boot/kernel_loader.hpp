// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <semaphore>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <sys/uio.h>

#include "base/fd.hpp"
#include "boot/kernel_image.hpp"
#include "boot/timeline.hpp"
#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::boot {

/// Reads a guest kernel from its file straight into guest memory, on a thread of its own; who waits for it
/// reads along. Most of that time the host clears the memory.
///
/// Guest memory must be zero where the kernel goes: what a segment has beyond its file bytes is not written.
class KernelLoader {
 public:
  /// Opens the file, on the thread, does `then`, for which the caller has no time and which throws nothing,
  /// and waits for memory. `timeline` must outlive the loader. Block signals before, for the thread inherits
  /// the mask.
  KernelLoader(std::string path, BootTimeline& timeline, std::function<void()> then = {});
  KernelLoader(const KernelLoader&) = delete;
  KernelLoader& operator=(const KernelLoader&) = delete;
  /// Stops reading at the next piece and joins.
  ~KernelLoader();

  /// Starts to read. The kernel may not touch `reserved`, where the caller writes; the host is made to clear
  /// the page that the first of them ends in, too, whose last byte stays zero. `memory` must outlive the
  /// loader. Marks kKernelReadBegin and kKernelReadEnd. Once.
  void read_into(const GuestMemory& memory, std::span<const GuestRange> reserved);

  /// Reads along until the kernel is in place; its 32-bit entry point. After read_into(). Throws Error,
  /// naming the file, when it cannot be read or booted. Once, by one thread.
  [[nodiscard]] GuestAddress wait();

 private:
  /// A part of the file and where it goes, within one huge page.
  struct Piece {
    std::uint64_t file_offset = 0;
    iovec to{};
    std::uint64_t page = 0;  ///< number of the page of 2 MiB that it goes to
  };

  void run(const std::stop_token& stop) noexcept;
  void open();
  void place();
  void touch_reserved() noexcept;
  void add_pieces(const KernelImage::Segment& segment);
  /// Those of the next page, for the caller to read, so that no two threads clear one page; none when all are
  /// taken.
  [[nodiscard]] std::span<const Piece> take_page() noexcept;
  void read_pieces(const std::stop_token& stop);

  std::string path_;
  BootTimeline& timeline_;
  std::function<void()> then_;
  Fd fd_;
  std::optional<KernelImage> image_;
  const GuestMemory* memory_ = nullptr;  ///< null until given_
  std::vector<GuestRange> reserved_;
  std::binary_semaphore given_{0};  ///< the two above are there, or nobody waits any more
  std::vector<Piece> pieces_;
  std::atomic<bool> placed_{false};   ///< pieces_ are there
  std::atomic<std::size_t> next_{0};  ///< the first piece that nobody has taken
  std::atomic<std::size_t> read_{0};  ///< pieces in place
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::boot
