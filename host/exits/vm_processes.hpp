// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mayfly::exits {

/// A process that has a VM or vCPU of KVM open.
struct VmProcess {
  pid_t process = 0;
  std::string name{};  ///< As ps shows it.
};

/// Those that this process may look into, by number. `root` stands before /proc; empty: this host's own.
[[nodiscard]] std::vector<VmProcess> find_vms(const std::string& root);

/// The process to follow: `process`, or the only one that has a VM. Throws Error that names those that have
/// one.
[[nodiscard]] VmProcess choose_vm(const std::string& root, std::optional<pid_t> process);

/// Numbers of a process's threads; empty when it is gone.
[[nodiscard]] std::vector<pid_t> threads_of(const std::string& root, pid_t process);

/// The name of a process; "?" when it is gone.
[[nodiscard]] std::string name_of_process(const std::string& root, pid_t process);

}  // namespace mayfly::exits
