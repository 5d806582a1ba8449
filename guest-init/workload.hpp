// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <sys/types.h>

#include "guest-init/failure.hpp"
#include "guest-init/marks.hpp"
#include "guest-init/protocol/frame.hpp"
#include "guest-init/request.hpp"
#include "guest-init/stdio.hpp"
#include "guest-init/user.hpp"

namespace mayfly::init {

/// The workload's first process, which leads a session and a process group of its own.
class Workload {
 public:
  /// Starts it: the mark kReady is written just before its exec. Error kExecFailed names the command.
  [[nodiscard]] Step start(const Request& request, const User& user, const Stdio& stdio,
                           const Marks& marks) noexcept;

  /// Sends a signal to its process group, as a terminal or a service manager does: a shell that waits for its
  /// child would not pass it on.
  void signal(int number) const noexcept;

  /// Reaps all that have ended, orphans too. Gives how the workload ended when it is among them.
  [[nodiscard]] std::optional<protocol::ExitReport> reap() noexcept;

  /// Kills what the workload has left behind: every process but this one if it is PID 1 (what the kernel
  /// makes of kill(-1)), else the workload's process group.
  void kill_remains() const noexcept;

 private:
  pid_t process_ = -1;
};

}  // namespace mayfly::init
