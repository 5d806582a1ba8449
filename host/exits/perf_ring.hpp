// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include <sys/types.h>

#include "base/fd.hpp"
#include "base/mapping.hpp"
#include "exits/tally.hpp"
#include "exits/trace_events.hpp"

namespace mayfly::exits {

/// What is followed: a thread on all CPUs, or a CPU with all threads.
struct Followed {
  enum class What : std::uint8_t { kThread, kCpu } what;
  int number;
};

/// Trace events of one thread or CPU, which the kernel writes into memory that is shared with it. Counting
/// begins with the constructor. Source: perf_event_open(2).
class PerfRing {
 public:
  /// Nothing when the thread or CPU is not there (any more). Throws Error with the mend when it may not be
  /// followed.
  [[nodiscard]] static std::optional<PerfRing> open(Followed followed, std::span<const TraceEvent> events);

  /// poll(): readable when a quarter is full, POLLHUP when the thread has ended.
  [[nodiscard]] int fd() const noexcept { return files_.front().get(); }

  /// Counts what was written since the last call.
  void drain(std::span<const TraceEvent> events, Tally& tally);

 private:
  PerfRing(std::vector<Fd> files, Mapping memory) : files_(std::move(files)), memory_(std::move(memory)) {}

  std::vector<Fd>
      files_;  ///< One for each event; the memory is the first one's, and the others write there too.
  Mapping memory_;
};

}  // namespace mayfly::exits
