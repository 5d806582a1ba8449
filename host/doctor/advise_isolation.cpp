// SPDX-License-Identifier: Apache-2.0
#include "doctor/advise.hpp"
#include "doctor/dedicated.hpp"
#include "kvm/disabled_exits.hpp"

namespace mayfly::doctor {
namespace {

constexpr const char* kParameters = "Documentation/admin-guide/kernel-parameters.txt";

constexpr Mechanism kIsolated{"isolation", "isolated-cpus", "a vCPU has a CPU to itself", kParameters};
constexpr Mechanism kTickless{"isolation", "nohz-full",
                              "no timer tick interrupts a vCPU that has a CPU to itself",
                              "Documentation/timers/no_hz.rst"};
constexpr Mechanism kDedicated{"isolation", "dedicated", "idling, pausing and spinning of vCPUs are no exits",
                               "api.rst, KVM_CAP_X86_DISABLE_EXITS; x86/cpuid.rst, KVM_HINTS_REALTIME"};
constexpr Mechanism kSmt{"isolation", "no-smt", "no guest shares a core with another at the same time",
                         "Documentation/admin-guide/hw-vuln/core-scheduling.rst"};
constexpr Mechanism kSeccomp{"isolation", "seccomp",
                             "who breaks into mayfly has 30 system calls or fewer (--sandbox)",
                             "Documentation/userspace-api/seccomp_filter.rst"};
constexpr Mechanism kLandlock{
    "isolation", "landlock",
    "who breaks into mayfly, and through its filter, opens no file and no connection",
    "Documentation/userspace-api/landlock.rst"};
constexpr Mechanism kNamespaces{"isolation", "user-namespaces",
                                "who breaks into an ordinary user's mayfly sees no file and no IPC of others",
                                "user_namespaces(7)"};
constexpr Mechanism kCgroups2{"isolation", "cgroup",
                              "a guest takes no more of memory and CPU time than it was given (--cgroup)",
                              "Documentation/admin-guide/cgroup-v2.rst"};
constexpr Mechanism kMitigations{"isolation", "mitigations",
                                 "what a guest runs cannot read the host's memory",
                                 "Documentation/admin-guide/hw-vuln/index.rst"};

Finding check_isolated(const IsolationFacts& isolation) {
  if (isolation.isolated.empty()) {
    return is_off(kIsolated, "none", "boot with isolcpus=LIST, or make a cpuset partition of type isolated");
  }
  if (const CpuList sharing = sharing_a_core(isolation); !sharing.empty()) {
    return is_off(
        kIsolated,
        to_text(isolation.isolated) + ", but the other hyper-thread of " + to_text(sharing) + " is not",
        "isolate whole cores: /sys/devices/system/cpu/cpuN/topology/thread_siblings_list");
  }
  return is_on(kIsolated, to_text(isolation.isolated));
}

Finding check_tickless(const IsolationFacts& isolation) {
  if (isolation.nohz_full.empty()) {
    return is_off(kTickless, "none", "boot with nohz_full=LIST (CONFIG_NO_HZ_FULL)");
  }
  return is_on(kTickless, to_text(isolation.nohz_full));
}

Finding check_dedicated(const Capabilities& host) {
  const auto cpus = choose_dedicated(host.isolation, 1, std::nullopt);
  if (!cpus.has_value()) {
    return is_off(kDedicated, "mayfly run --dedicated: " + cpus.error(), "see isolation.isolated-cpus");
  }
  if (!kvm::exits_to_disable(host.kvm.capability("KVM_CAP_X86_DISABLE_EXITS")).has_value()) {
    return is_off(kDedicated, "mayfly run --dedicated needs a KVM that leaves HLT to the guest",
                  "see kvm.disable-exits");
  }
  return is_on(kDedicated,
               "mayfly run --dedicated works, for up to " + std::to_string(cpus->size()) + " vCPUs");
}

Finding check_smt(const IsolationFacts& isolation) {
  if (!isolation.smt.has_value()) {
    return is_unknown(kSmt, "not told by this kernel");
  }
  return *isolation.smt
             ? is_off(kSmt, "SMT is on: guests that do not trust each other may share a core",
                      "echo off | sudo tee /sys/devices/system/cpu/smt/control, or core scheduling")
             : is_on(kSmt, "SMT is off or absent");
}

Finding check_seccomp(const IsolationFacts& isolation) {
  if (isolation.seccomp_actions.empty()) {
    return is_unknown(kSeccomp, "not told by this kernel");
  }
  return isolation.seccomp_actions.find("kill_process") != std::string::npos
             ? is_on(kSeccomp, "mayfly run kills itself for a system call that it does not need")
             : is_off(kSeccomp, "this kernel cannot kill a process for a system call (before 4.14)",
                      "a newer kernel; until then mayfly run --sandbox off");
}

Finding check_landlock(const IsolationFacts& isolation) {
  if (isolation.security_modules.empty()) {
    return is_unknown(kLandlock, "not told by this kernel");
  }
  return isolation.security_modules.find("landlock") != std::string::npos
             ? is_on(kLandlock, "mayfly run takes all files from itself")
             : is_off(kLandlock, "not there, so mayfly run goes on without", "boot with lsm=landlock,...");
}

Finding check_namespaces(const IsolationFacts& isolation) {
  if (!isolation.user_namespaces.has_value()) {
    return is_unknown(kNamespaces, "not told by this kernel");
  }
  return *isolation.user_namespaces
             ? is_on(kNamespaces, "an ordinary user's mayfly run has namespaces of its own, as root's has")
             : is_off(kNamespaces, "only root's mayfly run has namespaces of its own",
                      "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                      "kernel.apparmor_restrict_unprivileged_userns");
}

Finding check_cgroup(const IsolationFacts& isolation) {
  if (!isolation.cgroup_controllers.has_value()) {
    return isolation.own_cgroup.has_value()
               ? is_off(kCgroups2, "there is no cgroup v2 with controllers at /sys/fs/cgroup",
                        "boot with systemd.unified_cgroup_hierarchy=1")
               : is_unknown(kCgroups2, "not told by this kernel");
  }
  const std::string what = "cgroup v2 has " + *isolation.cgroup_controllers;
  return isolation.own_cgroup_writable.value_or(false)
             ? is_on(kCgroups2, what + ", and mayfly's user may make groups")
             : is_off(kCgroups2,
                      what + ", but " + isolation.own_cgroup.value_or("its own group") +
                          " is not mayfly's user's to make groups in",
                      "systemd-run --user --scope -p Delegate=yes, or a service with Delegate=yes");
}

Finding check_mitigations(const IsolationFacts& isolation) {
  std::string open;
  for (const auto& [name, state] : isolation.vulnerabilities) {
    // "SMT vulnerable", in small letters, is what kSmt is about; "BHI: Vulnerable" stands within a line.
    if (state.find("Vulnerable") != std::string::npos) {
      open += (open.empty() ? "" : ", ") + name;
    }
  }
  if (!open.empty()) {
    return warning(kMitigations, "vulnerable by " + open,
                   "update the CPU's microcode and remove mitigations=off from the kernel's command line");
  }
  return is_on(kMitigations,
               isolation.vulnerabilities.empty() ? "none needed" : "all known faults are mitigated");
}

}  // namespace

void advise_isolation(const Capabilities& host, std::vector<Finding>& findings) {
  findings.push_back(check_isolated(host.isolation));
  findings.push_back(check_tickless(host.isolation));
  findings.push_back(check_dedicated(host));
  findings.push_back(check_smt(host.isolation));
  findings.push_back(check_seccomp(host.isolation));
  findings.push_back(check_landlock(host.isolation));
  findings.push_back(check_namespaces(host.isolation));
  findings.push_back(check_cgroup(host.isolation));
  findings.push_back(check_mitigations(host.isolation));
}

}  // namespace mayfly::doctor
