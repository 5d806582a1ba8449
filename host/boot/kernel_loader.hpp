// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "boot/timeline.hpp"
#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::boot {

/// Reads a guest kernel from its file straight into guest memory, on a thread of its own from construction
/// on.
///
/// Guest memory must be zero where the kernel goes: what a segment has beyond its file bytes is not written.
class KernelLoader {
 public:
  /// Starts to read. `memory` and `timeline` must outlive the loader; the kernel may not touch `reserved`.
  /// Marks kKernelReadBegin and kKernelReadEnd. Block signals before, for the thread inherits the mask.
  KernelLoader(std::string path, const GuestMemory& memory, std::span<const GuestRange> reserved,
               BootTimeline& timeline);
  KernelLoader(const KernelLoader&) = delete;
  KernelLoader& operator=(const KernelLoader&) = delete;
  /// Stops reading at the next piece and joins.
  ~KernelLoader() = default;

  /// Waits until the kernel is in place; its 32-bit entry point. Throws Error, naming the file, when it
  /// cannot be read or booted. Once, by one thread.
  [[nodiscard]] GuestAddress wait();

 private:
  void run(const std::stop_token& stop) noexcept;
  void load(const std::stop_token& stop);

  std::string path_;
  const GuestMemory& memory_;
  std::vector<GuestRange> reserved_;
  BootTimeline& timeline_;
  GuestAddress entry_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::boot
