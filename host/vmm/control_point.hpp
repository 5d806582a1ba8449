// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "control/server.hpp"
#include "vmm/run_control.hpp"

namespace mayfly::vmm {

/// The control socket of a run, from the claim of its id to the exit status. Main thread.
class ControlPoint {
 public:
  /// Makes the socket now where the run was given an id: that may be another VM's. Throws Error. Both outlive
  /// this.
  ControlPoint(const RunConfig& config, const boot::BootTimeline& timeline);

  /// `machine` runs, and is there until machine_ends(). Makes the socket where there is none yet: beside the
  /// guest's boot. A run that cannot have one goes on without.
  void machine_runs(Machine& machine);
  void machine_ends() noexcept { control_.detach(); }
  /// Answers who waits for the end, and serves no more.
  void finish(int exit_status) noexcept;

  [[nodiscard]] RunRequests& requests() noexcept { return requests_; }
  /// Null when there is none.
  [[nodiscard]] control::Server* server() noexcept { return server_ ? &*server_ : nullptr; }

 private:
  void serve_as(std::string id);

  std::string id_;
  RunRequests requests_;
  RunControl control_;
  std::optional<control::Server> server_;  // last: its thread uses all of the above
};

}  // namespace mayfly::vmm
