// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

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

/// Calls of one kind to the host: how long they took, and when they were made.
struct Calls : Latency {
  /// Of the first one; 0 when there was none.
  std::uint64_t begin_ns = 0;
  /// Of the last one.
  std::uint64_t end_ns = 0;

  void add(std::uint64_t begin, std::uint64_t end) noexcept {
    Latency::add(end - begin);
    begin_ns = begin_ns == 0 ? begin : std::min(begin_ns, begin);
    end_ns = std::max(end_ns, end);
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

  /// Several threads' times add up.
  Calls populate;
  Calls map;
  /// Releases answered at once.
  std::uint64_t releases_now = 0;
  /// The others: from the call until the answer is due.
  Latency releases_later;
  /// From settle() until it is due.
  Latency settles_later;

  /// Mapped when begin_background() came: the window, what somebody waited for, and ahead_bytes.
  std::optional<std::uint64_t> foreground_bytes{};
  /// Mapped when pause_background() came, while there was nothing else to do.
  std::uint64_t ahead_bytes = 0;
  std::uint64_t window_mapped_ns = 0;
  std::uint64_t settled_ns = 0;
  std::uint64_t all_mapped_ns = 0;
};

}  // namespace mayfly::vfio
