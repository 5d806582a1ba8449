// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vmm/outcome.hpp"
#include "vmm/run_requests.hpp"
#include "vmm/session.hpp"
#include "vmm/session_link.hpp"
#include "vmm/signals.hpp"
#include "vmm/terminal.hpp"
#include "vmm/vm_down.hpp"
#include "vmm/working_set_recorder.hpp"

namespace mayfly::vmm {

class ControlPoint;

/// What the main loop watches while the vCPUs run.
struct RunInputs {
  Session& session;
  Signals& signals;
  const VmDown& down;
  /// Null when the workload has no terminal.
  const Terminal* terminal;
  /// CLOCK_MONOTONIC; 0: none.
  std::uint64_t deadline_ns;
  /// Readable once a passed-through device is lost; -1: there is none.
  int lost_device = -1;
  /// Null: nobody asks, there is no control socket.
  RunRequests* requests = nullptr;
  ControlPoint* control = nullptr;
  /// Null: nobody wants to know what the boot has touched.
  WorkingSetRecorder* recorder = nullptr;
  /// What the session is joined to, where that is not a machine of this process; else null.
  SessionLink* link = nullptr;
};

/// Runs until the workload has ended and its output is written, or until something else ends the run. Main
/// thread; on return the session is stopped, and the vCPUs may be too.
///
/// The first SIGINT, SIGTERM, SIGHUP or SIGQUIT goes to the workload, even while the guest still boots; a
/// second one ends the run, as do the deadline and RunRequests::kill(), at once (as timeout -s KILL: the
/// guest is not asked). RunRequests::stop() is as a first SIGTERM. Output that had come by then gets up to a
/// second to be written.
[[nodiscard]] Outcome run_loop(const RunInputs& inputs);

}  // namespace mayfly::vmm
