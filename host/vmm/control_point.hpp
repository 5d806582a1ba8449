// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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

  /// `machine` runs, and is there until machine_ends().
  void machine_runs(Machine& machine);
  void machine_ends() noexcept { control_.detach(); }
  /// Answers who waits for the end, and serves no more.
  void finish(int exit_status) noexcept;

  [[nodiscard]] RunRequests& requests() noexcept { return requests_; }

  /// When make_socket() is to be called, CLOCK_MONOTONIC; 0: not, or not any more. Not while the guest boots,
  /// which that would delay on a busy host; a run that is over by then does not pay for it at all.
  [[nodiscard]] std::uint64_t socket_due_ns() const noexcept { return socket_due_ns_; }
  /// A run that cannot have a socket goes on without.
  void make_socket() noexcept;
  /// Readable when a first client is there: then serve(); -1: nobody will come.
  [[nodiscard]] int fd() const noexcept { return server_ ? server_->fd() : -1; }
  void serve() noexcept { server_->start(); }

 private:
  void serve_as(std::string id);

  std::string id_;
  std::uint64_t socket_due_ns_ = 0;
  RunRequests requests_;
  RunControl control_;
  std::optional<control::Server> server_;  // last: its thread uses all of the above
};

}  // namespace mayfly::vmm
