// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace mayfly::vfio {

/// How long something took, over all times that it happened.
struct Latency {
  std::uint64_t count = 0;
  std::uint64_t total_ns = 0;
  std::uint64_t max_ns = 0;

  void add(std::uint64_t ns) noexcept {
    ++count;
    total_ns += ns;
    max_ns = std::max(max_ns, ns);
  }
};

/// What the DMA map has done so far, for the timeline and for whoever asks while it runs. Times are those of
/// the clock that the map was given (CLOCK_MONOTONIC), 0 when it has not come to that.
struct DmaCounters {
  std::uint64_t ram_bytes = 0;
  std::uint64_t populated_bytes = 0;
  std::uint64_t mapped_bytes = 0;
  std::uint64_t held_bytes = 0;
  std::uint32_t pieces = 0;
  /// IOMMU entries in use.
  std::uint32_t entries = 0;

  /// One of each is a call to the host; several threads' times add up.
  Latency populate;
  Latency map;
  /// Releases answered at once.
  std::uint64_t releases_now = 0;
  /// The others: from the call until the answer is due.
  Latency releases_later;
  /// From settle() until it is due.
  Latency settles_later;

  std::uint64_t window_mapped_ns = 0;
  std::uint64_t settled_ns = 0;
  std::uint64_t all_mapped_ns = 0;
};

}  // namespace mayfly::vfio
