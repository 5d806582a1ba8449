// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_cgroup.hpp"

#include <cerrno>
#include <exception>
#include <optional>

#include <poll.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/pidfd.hpp"
#include "base/say.hpp"
#include "control/run_log.hpp"
#include "control/socket_folder.hpp"
#include "sandbox/inherited_files.hpp"
#include "vmm/control_point.hpp"
#include "vmm/leave_caller.hpp"

namespace mayfly::vmm {
namespace {

/// On stderr, which may be nobody's by now, and in the log that the run has left.
void tell_end(const std::string& id, bool keeps_log) noexcept {
  std::optional<control::RunLog> log;
  std::optional<LogHearer> hearer;
  try {
    if (keeps_log) {
      const control::SocketFolder folder(control::socket_folder(),
                                         control::SocketFolder::IfMissing::kStaysEmpty);
      log.emplace(folder.reopen_log(id), control::RunLog::Begin::kGoesOn);
      speak_to(&hearer.emplace(*log));
    }
  } catch (const std::exception&) {
    // It ended before it had a log, or another run has taken its id.
  }
  say(Severity::kError,
      "the VM was killed at the memory limit of its cgroup; --memory and some 32 MiB of mayfly's and the "
      "kernel's own must fit into memory=");
  speak_to(nullptr);
}

/// What the process outside does when the run has ended: its helpers end a little later.
void clear_up(const CgroupFolder& groups, const std::string& id, bool keeps_log) {
  constexpr int kTries = 1000;
  constexpr int kPauseMs = 10;
  if (was_out_of_memory(groups.path_of(id))) {
    tell_end(id, keeps_log);
  }
  for (int tries = 0; !groups.remove(id) && tries < kTries; ++tries) {
    ::poll(nullptr, 0, kPauseMs);
  }
}

/// All that the process outside does.
[[noreturn]] void stay_outside(const CgroupFolder& groups, const Fd& run, const std::string& id,
                               bool keeps_log) noexcept {
  leave_caller("mayfly-cgroup", CallersStderr::kKept);  // for a last sentence
  sandbox::close_all_but({groups.fd(), run.get()});
  pollfd ended{run.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  clear_up(groups, id, keeps_log);
  ::_exit(0);
}

void start_outside(const CgroupFolder& groups, const std::string& id, bool keeps_log) {
  const Fd run = open_pidfd(::getpid());
  if (!run) {
    fail_errno("--cgroup: cannot have a process watch this one");
  }
  const pid_t outside = ::fork();
  if (outside < 0) {
    fail_errno("--cgroup: cannot start the process that removes " + groups.path_of(id));
  }
  if (outside == 0) {
    stay_outside(groups, run, id, keeps_log);
  }
}

}  // namespace

void enter_own_cgroup(const CgroupSpec& spec, const std::string& id, bool keeps_log) {
  const CgroupFolder groups(spec.parent);
  groups.require_version_2();
  groups.require_controllers(spec.limits);
  const std::string path = groups.path_of(id);
  constexpr int kTries = 3;
  for (int tries = 1;; ++tries) {
    try {
      const Fd group = groups.make(id);
      set_limits(group, path, spec.limits);
      if (tries == 1) {
        start_outside(groups, id, keeps_log);
      }
      enter_cgroup(group, path);
      return;
    } catch (const Error& error) {
      static_cast<void>(groups.remove(id));
      // What removes the group of an earlier run of this id may have taken this one, still empty, for it.
      if (tries == kTries || (error.errno_value() != ENODEV && error.errno_value() != ENOENT)) {
        throw;
      }
    }
  }
}

}  // namespace mayfly::vmm
