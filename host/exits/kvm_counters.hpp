// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <sys/types.h>

namespace mayfly::exits {

/// KVM's own counters by name.
using KvmCounters = std::map<std::string, std::uint64_t>;

/// KVM's counters of a process's VMs, those of vCPUs summed, from debugfs: the same that KVM_GET_STATS_FD
/// gives, which answers the VM's own process only. Empty without debugfs. `root` stands before /sys; empty:
/// this host's own. Source: virt/kvm/kvm_main.c, kvm_create_vm_debugfs().
[[nodiscard]] KvmCounters read_kvm_counters(const std::string& root, pid_t process);

/// What grew, and by how much.
[[nodiscard]] KvmCounters growth(const KvmCounters& before, const KvmCounters& after);

}  // namespace mayfly::exits
