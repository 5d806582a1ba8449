// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
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

/// Reads a guest kernel from its file straight into guest memory, on a thread of its own from construction
/// on; who waits for it reads along. Most of that time the host clears the memory.
///
/// Guest memory must be zero where the kernel goes: what a segment has beyond its file bytes is not written.
class KernelLoader {
 public:
  /// Starts to read. `memory` and `timeline` must outlive the loader; the kernel may not touch `reserved`.
  /// Marks kKernelReadBegin and kKernelReadEnd. Block signals before, for the thread inherits the mask.
  /// `first` is what the thread does before: what takes long and is not needed at once, while the caller,
  /// which has more to do in all, goes on. It throws nothing.
  KernelLoader(std::string path, const GuestMemory& memory, std::span<const GuestRange> reserved,
               BootTimeline& timeline, std::function<void()> first = {});
  KernelLoader(const KernelLoader&) = delete;
  KernelLoader& operator=(const KernelLoader&) = delete;
  /// Stops reading at the next piece and joins.
  ~KernelLoader() = default;

  /// Reads along until the kernel is in place; its 32-bit entry point. Throws Error, naming the file, when it
  /// cannot be read or booted. Once, by one thread.
  [[nodiscard]] GuestAddress wait();

 private:
  /// A part of the file and where it goes, within one huge page.
  struct Piece {
    std::uint64_t file_offset = 0;
    iovec to{};
    std::uint64_t page = 0;  ///< number of the page of 2 MiB that it goes to
  };

  void run(const std::stop_token& stop) noexcept;
  void prepare();
  void add_pieces(const KernelImage::Segment& segment);
  /// Those of the next page, for the caller to read, so that no two threads clear one page; none when all are
  /// taken.
  [[nodiscard]] std::span<const Piece> take_page() noexcept;
  void read_pieces(const std::stop_token& stop);

  std::string path_;
  const GuestMemory& memory_;
  std::vector<GuestRange> reserved_;
  BootTimeline& timeline_;
  std::function<void()> first_;
  Fd fd_;
  std::vector<Piece> pieces_;
  GuestAddress entry_;
  std::atomic<bool> prepared_{false};  ///< the three above are there
  std::atomic<std::size_t> next_{0};   ///< the first piece that nobody has taken
  std::atomic<std::size_t> read_{0};   ///< pieces in place
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::boot
