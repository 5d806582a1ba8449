// SPDX-License-Identifier: Apache-2.0
#include "doctor/advise.hpp"
#include "kvm/abi.hpp"

namespace mayfly::doctor {
namespace {

constexpr const char* kApi = "Documentation/virt/kvm/api.rst";

constexpr Mechanism kTables{"kvm", "ept-npt", "no exit when a guest changes its own page tables",
                            "Documentation/virt/kvm/x86/mmu.rst"};
constexpr Mechanism kLargeTables{"kvm", "ept-npt-1g", "one entry and one fault for a gibibyte of --pages 1g",
                                 "Intel SDM 3C, EPT; AMD APM 2, nested paging"};
constexpr Mechanism kUnrestricted{"kvm", "unrestricted-guest",
                                  "a kernel's first instructions, without paging, run in hardware",
                                  "Intel SDM 3C, unrestricted guest"};
constexpr Mechanism kTdpMmu{"kvm", "tdp-mmu",
                            "vCPUs fault memory in side by side, not one by one under a lock",
                            "Linux, arch/x86/kvm/mmu/tdp_mmu.c; Tencent, KVM Forum 2020"};
constexpr Mechanism kPreFault{"kvm", "pre-fault",
                              "up to 262144 exits less for a gibibyte of 4 KiB pages, 512 of 2 MiB",
                              "api.rst, KVM_PRE_FAULT_MEMORY; Tencent, KVM Forum 2020"};
constexpr Mechanism kNxPages{"kvm", "no-nx-huge-pages", "code of the guest keeps its 2 MiB entries",
                             "Documentation/admin-guide/hw-vuln/multihit.rst"};
constexpr Mechanism kSlotZap{"kvm", "slot-zap-quirk", "a slot that goes leaves the page tables of the others",
                             "api.rst, KVM_X86_QUIRK_SLOT_ZAP_ALL"};
constexpr Mechanism kDirtyRing{"kvm", "dirty-ring",
                               "pages that were written as a list, not a bitmap of all memory",
                               "api.rst, KVM_CAP_DIRTY_LOG_RING"};
constexpr Mechanism kPageLog{"kvm", "pml",
                             "one exit for 512 pages written while they are logged, not for each",
                             "Intel SDM 3C, page-modification logging"};
constexpr Mechanism kEagerSplit{"kvm", "eager-page-split",
                                "huge pages are split for dirty logging outside the vCPUs' time",
                                "kernel-parameters.txt, kvm.eager_page_split"};
constexpr Mechanism kHypercall{"kvm", "exit-hypercall", "a guest asks mayfly for memory by one instruction",
                               "api.rst, KVM_CAP_EXIT_HYPERCALL"};
constexpr Mechanism kStatistics{"kvm", "statistics", "--timeline tells KVM's own counts", kApi};
constexpr Mechanism kDisableExits{"kvm", "disable-exits",
                                  "a vCPU that has a CPU of its own idles without exits",
                                  "api.rst, KVM_CAP_X86_DISABLE_EXITS"};

// A switch of hardware that the vendor's module may leave off.
Finding of_hardware(const Mechanism& mechanism, Switch has, Switch on, const char* mend) {
  if (has == false) {
    return is_absent(mechanism, "this processor has not got it, or its hypervisor hides it");
  }
  return of_switch(mechanism, on, mend);
}

// A capability that only a newer kernel has.
Finding of_capability(const Mechanism& mechanism, const KvmFacts& kvm, const char* capability,
                      const char* since) {
  if (kvm.open < 0) {
    return is_unknown(mechanism, "cannot be asked without /dev/kvm");
  }
  if (kvm.capability(capability) == 0) {
    return is_absent(mechanism, std::string("not in this kernel's KVM"), std::string("boot ") + since);
  }
  return is_on(mechanism, "there");
}

Finding check_tables(const Capabilities& host) {
  if (host.kvm.second_level == false || host.cpu.second_level == false) {
    const char* mend = host.cpu.second_level == false
                           ? "take a processor, or a hypervisor below, that offers it"
                       : host.cpu.svm ? "sudo modprobe -r kvm_amd && sudo modprobe kvm_amd npt=1"
                                      : "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel ept=1";
    return warning(kTables, "off: KVM shadows the guest's page tables, at an exit for each change", mend);
  }
  return of_switch(kTables, host.kvm.second_level, "");
}

Finding check_large_tables(const Capabilities& host) {
  if (!host.cpu.large_second_level.has_value()) {
    return is_unknown(kLargeTables, "not told by this kernel's /proc/cpuinfo");
  }
  return *host.cpu.large_second_level ? is_on(kLargeTables, "there")
                                      : is_absent(kLargeTables, "the largest entry is 2 MiB");
}

Finding check_nx_pages(const Capabilities& host) {
  if (!host.kvm.split_executable.has_value()) {
    return of_switch(kNxPages, std::nullopt, "");
  }
  if (!*host.kvm.split_executable) {
    return is_on(kNxPages, "huge pages stay whole");
  }
  if (host.cpu.itlb_multihit) {
    return is_absent(kNxPages,
                     "KVM splits them, since a guest can stop this processor otherwise (iTLB multihit)");
  }
  return is_off(kNxPages, "KVM splits them, though this processor needs no such care",
                "echo N | sudo tee /sys/module/kvm/parameters/nx_huge_pages");
}

Finding check_slot_zap(const KvmFacts& kvm) {
  // KVM_X86_QUIRK_SLOT_ZAP_ALL, Linux 6.12.
  constexpr std::int64_t kQuirk = 1 << 7;
  if (kvm.open < 0) {
    return is_unknown(kSlotZap, "cannot be asked without /dev/kvm");
  }
  return (kvm.capability("KVM_CAP_DISABLE_QUIRKS2") & kQuirk) != 0
             ? is_on(kSlotZap, "can be turned off")
             : is_absent(kSlotZap, "not in this kernel's KVM", "boot Linux 6.12 or later");
}

Finding check_disable_exits(const KvmFacts& kvm) {
  if (kvm.open < 0) {
    return is_unknown(kDisableExits, "cannot be asked without /dev/kvm");
  }
  const std::int64_t offered = kvm.capability("KVM_CAP_X86_DISABLE_EXITS");
  std::string what;
  for (const auto& [bit, name] : {std::pair{KVM_X86_DISABLE_EXITS_HLT, "HLT"},
                                  {KVM_X86_DISABLE_EXITS_PAUSE, "PAUSE"},
                                  {KVM_X86_DISABLE_EXITS_MWAIT, "MWAIT"}}) {
    if ((offered & bit) != 0) {
      what += (what.empty() ? "" : ", ") + std::string(name);
    }
  }
  if ((offered & KVM_X86_DISABLE_EXITS_HLT) != 0) {
    return is_on(kDisableExits, "offered for " + what + ", used by mayfly run --dedicated");
  }
  const std::string without = "HLT's cannot be turned off" + (what.empty() ? "" : " (only " + what + ")");
  if (kvm.smt_rsb == true) {
    return is_off(kDisableExits, without + ": kvm.mitigate_smt_rsb is on",
                  "on a host without SMT: sudo modprobe kvm mitigate_smt_rsb=0");
  }
  return is_absent(kDisableExits, without);
}

}  // namespace

void advise_kvm(const Capabilities& host, std::vector<Finding>& findings) {
  const KvmFacts& kvm = host.kvm;
  findings.push_back(check_tables(host));
  findings.push_back(check_large_tables(host));
  if (host.cpu.vendor != Vendor::kAmd) {
    findings.push_back(
        of_hardware(kUnrestricted, host.cpu.unrestricted, kvm.unrestricted,
                    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel unrestricted_guest=1"));
  }
  findings.push_back(
      of_switch(kTdpMmu, kvm.parallel_faults, "reload kvm with tdp_mmu=1 (it also needs EPT or NPT)"));
  findings.push_back(of_capability(kPreFault, kvm, "KVM_CAP_PRE_FAULT_MEMORY", "Linux 6.11 or later"));
  findings.push_back(check_nx_pages(host));
  findings.push_back(check_slot_zap(kvm));
  findings.push_back(of_capability(kDirtyRing, kvm, "KVM_CAP_DIRTY_LOG_RING", "Linux 5.11 or later"));
  if (host.cpu.vendor != Vendor::kAmd) {
    findings.push_back(of_hardware(kPageLog, host.cpu.page_log, kvm.page_log,
                                   "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel pml=1"));
  }
  findings.push_back(of_switch(kEagerSplit, kvm.eager_page_split,
                               "echo Y | sudo tee /sys/module/kvm/parameters/eager_page_split"));
  findings.push_back(of_capability(kHypercall, kvm, "KVM_CAP_EXIT_HYPERCALL", "Linux 5.14 or later"));
  findings.push_back(of_capability(kStatistics, kvm, "KVM_CAP_BINARY_STATS_FD", "Linux 5.14 or later"));
  findings.push_back(check_disable_exits(kvm));
}

}  // namespace mayfly::doctor
