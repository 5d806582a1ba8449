// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.hpp"
#include "sandbox/mode.hpp"
#include "sandbox/rules.hpp"

namespace mayfly::sandbox {

/// What a run needs of the host.
struct Needs {
  /// Pins guest memory for devices.
  bool pins_memory = false;
  /// Asks servers who they are: a user namespace would hide that.
  bool knows_other_users = false;
  /// Opens no more files than this once a guest runs; 0: no limit of ours.
  std::uint32_t files_max = 0;
  /// Descriptors that the caller has left open, which are not needed when the guest runs.
  std::vector<int> closed_at_the_end{};
};

/// What this process gives up before a guest runs, step by step: THREAT-MODEL.md. One a process, for there is
/// no way back. All on the main thread.
class Sandbox {
 public:
  /// The first step, while there is one thread: namespaces. From now on threads confine themselves. Nothing
  /// with Mode::kOff. Throws Error.
  Sandbox(Mode mode, Needs needs);

  /// Leaves the host's network for an empty one, where mayfly is root; abstract sockets go with it. When all
  /// that is of a network is open, and before there are threads that live on. Throws Error.
  void leave_network();

  /// Makes an empty directory the root of all threads, and closes Needs::closed_at_the_end. When all is open.
  /// Throws Error.
  void leave_files();

  /// The last step, after leave_files() and before a vCPU runs: limits, capabilities, Landlock, the filter of
  /// the main thread. Throws Error. From `folder`, a descriptor, main may still remove files where this gives
  /// true: where Landlock sees to it that they are of no other folder. -1: from nowhere.
  [[nodiscard]] bool lock_down(int folder);

 private:
  Mode mode_;
  Needs needs_;
  bool has_namespaces_ = false;
  bool left_files_ = false;
  /// Where there is one to go to.
  Fd empty_network_{};
};

/// Takes from the calling thread what its kind does not need, for ever, when there is a sandbox; what the
/// thread that started it gave up is given up already. To be called as such a thread starts. Ends the
/// process, with a sentence, when the host refuses.
void confine_thread(ThreadKind kind) noexcept;

}  // namespace mayfly::sandbox
