// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/say.hpp"
#include "control/run_log.hpp"
#include "control/server.hpp"
#include "vmm/lifecycle.hpp"
#include "vmm/run_control.hpp"

namespace mayfly::vmm {

/// Has the log hear what mayfly says.
class LogHearer final : public Hearer {
 public:
  explicit LogHearer(control::RunLog& log) noexcept : log_(log) {}
  void heard(std::string_view lines) noexcept override {
    log_.append_all(control::LogStream::kMayfly, lines);
  }

 private:
  control::RunLog& log_;
};

/// The control socket of a run, from the claim of its id to the exit status. Main thread.
class ControlPoint {
 public:
  /// Makes the socket. Throws Error where the run was given its id, which may be another VM's; else a run
  /// that cannot have a socket goes on without. `config` and `timeline` outlive this.
  ControlPoint(const RunConfig& config, std::string id, const boot::BootTimeline& timeline);
  ~ControlPoint() { speak_to(nullptr); }
  ControlPoint(const ControlPoint&) = delete;
  ControlPoint& operator=(const ControlPoint&) = delete;

  /// The folder that the socket is in, by which its file is removed; -1: there is none.
  [[nodiscard]] int folder() const noexcept { return folder_; }
  /// The file stays.
  void leave_socket() noexcept {
    if (server_) {
      server_->leave_socket();
    }
  }

  /// `machine` runs, and is there until machine_ends().
  void machine_runs(Machine& machine) { control_.attach(machine); }
  void machine_ends() noexcept { control_.detach(); }
  /// Answers who waits for the end, and serves no more.
  void finish(int exit_status) noexcept;

  [[nodiscard]] RunRequests& requests() noexcept { return requests_; }
  [[nodiscard]] Lifecycle& lifecycle() noexcept { return lifecycle_; }
  /// Where the workload's output goes, and what mayfly says does too; null: to the caller.
  [[nodiscard]] control::RunLog* log() noexcept { return log_ ? &*log_ : nullptr; }

  /// Readable when a first client is there: then serve(); -1: nobody will come.
  [[nodiscard]] int fd() const noexcept { return server_ ? server_->fd() : -1; }
  void serve() noexcept { server_->start(); }

 private:
  void serve_as(std::string id, bool keeps_log);

  std::string id_;
  int folder_ = -1;
  RunRequests requests_;
  Lifecycle lifecycle_;
  std::optional<control::RunLog> log_;
  std::optional<LogHearer> hearer_;
  RunControl control_;
  std::optional<control::Server> server_;  // last: its thread uses all of the above
};

}  // namespace mayfly::vmm
