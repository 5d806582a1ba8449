// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "memory/guest_memory.hpp"
#include "memory/pieces.hpp"
#include "memory/populate.hpp"

namespace mayfly {

/// Populates memory on threads of its own, from construction on; each takes the next piece as it is done with
/// one. One thread constructs, waits and destroys.
class PopulateAll {
 public:
  /// A piece is what the rest of the process may wait for to change its address space: the kernel populates
  /// with that locked. 8 MiB are about 2 ms of zeroing.
  static constexpr std::uint64_t kPieceBytes = 8ULL << 20U;
  /// More threads wait for the memory rather than for a CPU.
  static constexpr std::uint32_t kThreadsMax = 16;

  /// `memory` consists of whole pages of `page_bytes`; a piece has one at least. `populate` and the memory
  /// outlive this. At most `threads`, 1 or more, but none that has no piece. Block signals before.
  PopulateAll(Populate& populate, std::span<const GuestMemory::Region> memory, std::uint64_t page_bytes,
              std::uint32_t threads);
  PopulateAll(const PopulateAll&) = delete;
  PopulateAll& operator=(const PopulateAll&) = delete;
  /// Stops after the pieces that are being populated.
  ~PopulateAll();

  /// Waits until all is populated, or the host has refused; once.
  [[nodiscard]] Result<void, PopulateFault> wait();

  [[nodiscard]] std::uint32_t threads() const noexcept { return static_cast<std::uint32_t>(threads_.size()); }
  /// So far; any thread.
  [[nodiscard]] std::uint64_t populated_bytes() const noexcept {
    return populated_.load(std::memory_order_relaxed);
  }
  /// When the last thread was done, CLOCK_MONOTONIC; after wait().
  [[nodiscard]] std::uint64_t end_ns() const noexcept { return end_ns_.load(std::memory_order_relaxed); }

 private:
  void run() noexcept;

  Populate& populate_;
  std::vector<GuestMemory::Region> memory_;
  Pieces pieces_;
  std::atomic<std::uint64_t> populated_{0};
  std::atomic<std::uint64_t> end_ns_{0};
  std::atomic<int> refusal_{0};
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

/// As many as this process may use CPUs, and no more than help.
[[nodiscard]] std::uint32_t threads_for_all_cpus() noexcept;

}  // namespace mayfly
