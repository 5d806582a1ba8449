// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "exits/perf_ring.hpp"
#include "exits/tally.hpp"
#include "exits/trace_events.hpp"

namespace mayfly::exits {

/// Counts exits of one process's VMs, or of all on this host.
class Recorder {
 public:
  /// Nothing: all of the host. Raises this process's limit of open files as far as it may. Throws Error.
  Recorder(std::vector<TraceEvent> events, std::optional<pid_t> process);

  /// Why collect() returned.
  enum class End : std::uint8_t { kTimeIsUp, kStopped, kProcessIsGone };

  /// Counts into `tally` for `ns`, or until `stop_fd` is readable or the process has ended. A thread that the
  /// process starts meanwhile is followed from a tenth of a second later at the latest. Throws Error.
  [[nodiscard]] End collect(std::uint64_t ns, int stop_fd, Tally& tally);

 private:
  void follow_cpus();
  void follow_new_threads();
  /// Waits for a ring or `stop_fd`; true when the latter is readable.
  [[nodiscard]] bool wait(std::uint64_t ns, int stop_fd);
  void drain(Tally& tally);

  std::vector<TraceEvent> events_;
  std::optional<pid_t> process_;
  std::map<int, PerfRing> rings_{};  ///< By thread, or by CPU.
  std::vector<int> ended_{};         ///< Threads whose rings hold their last records.
};

}  // namespace mayfly::exits
