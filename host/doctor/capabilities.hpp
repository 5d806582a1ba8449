// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doctor/cpu_list.hpp"
#include "doctor/recording.hpp"

namespace mayfly::doctor {

/// On or off; nothing where the host does not say, as for a module that is not loaded.
using Switch = std::optional<bool>;

enum class Vendor : std::uint8_t { kOther, kIntel, kAmd };

/// What the processor has, by /proc/cpuinfo and CPUID.
struct CpuFacts {
  Vendor vendor = Vendor::kOther;
  std::string model{};
  bool vmx = false;
  bool svm = false;
  bool hypervisor = false;        ///< The host is a virtual machine itself.
  std::string hypervisor_name{};  ///< As CPUID 0x40000000 signs, such as "KVMKVMKVM".
  std::string machine{};          ///< Vendor and product by the firmware.
  Switch second_level{};          ///< EPT or NPT.
  Switch large_second_level{};    ///< Its entries of 1 GiB.
  Switch unrestricted{};          ///< Guests without paging run in hardware.
  Switch virtual_apic{};          ///< APICv with virtual interrupt delivery, or AVIC.
  Switch virtual_x2apic{};        ///< The same for a guest's x2APIC.
  Switch virtual_ipi{};           ///< IPIs between vCPUs in hardware: IPIv, or x2AVIC.
  Switch posted_interrupts{};
  Switch preemption_timer{};
  Switch page_log{};  ///< PML.
  bool tsc_deadline = false;
  bool monitor = false;  ///< MONITOR and MWAIT.
  bool itlb_multihit = false;
};

/// What KVM says, by its ioctls and the parameters of its modules.
struct KvmFacts {
  std::int64_t open = 0;                      ///< 0, or -errno of opening /dev/kvm.
  std::optional<std::int64_t> api_version{};  ///< Nothing when it was not asked.
  std::optional<std::int64_t> create_vm{};
  /// By the name of the capability.
  std::map<std::string, std::int64_t, std::less<>> capabilities{};
  bool module_loaded = false;  ///< kvm_intel or kvm_amd is there.
  bool in_container = false;
  Switch second_level{};
  Switch unrestricted{};
  Switch parallel_faults{};   ///< The TDP MMU.
  Switch split_executable{};  ///< nx_huge_pages.
  Switch eager_page_split{};
  Switch page_log{};
  Switch virtual_apic{};
  Switch virtual_ipi{};
  Switch device_posted{};  ///< enable_device_posted_irqs; nothing before Linux 6.16, where it is always on.
  Switch preemption_timer{};
  Switch posted_timer{};
  Switch timer_advance{};
  Switch smt_rsb{};  ///< mitigate_smt_rsb: no exit but PAUSE's can be turned off.
  std::optional<std::uint64_t> halt_poll_ns{};

  /// KVM_CHECK_EXTENSION's answer; 0 where it is absent or was not asked.
  [[nodiscard]] std::int64_t capability(std::string_view name) const noexcept;
};

struct VfioFacts {
  std::int64_t open = 0;  ///< 0, or -errno of opening /dev/vfio/vfio.
  bool compatibility = false;
  bool iommufd = false;
  bool character_devices = false;
  Switch unsafe_interrupts{};
  Switch no_large_pages{};
  Switch no_iommu{};
  Switch no_idle_d3{};
  std::optional<std::uint64_t> entries{};
};

struct IommuFacts {
  std::size_t groups = 0;
  std::size_t units = 0;
  Switch remapping{};  ///< In use, by the name of an interrupt's chip.
  Switch posting{};    ///< All units can; the same for `pages_2m` and `pages_1g`.
  Switch pages_2m{};
  Switch pages_1g{};
};

/// Huge pages that are set aside.
struct HugePages {
  std::optional<std::uint64_t> all{};  ///< Nothing: the kernel or the CPU has no such pages.
  std::uint64_t free = 0;
  /// Node and what is free of it.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> free_on_nodes{};
};

struct MemoryFacts {
  HugePages pages_2m{};
  HugePages pages_1g{};
  /// The words in brackets; empty where there are no transparent huge pages.
  std::string thp{};
  std::string thp_shared{};
  std::optional<std::uint64_t> lock_limit{};  ///< Bytes; UINT64_MAX: none.
  std::optional<std::uint64_t> overcommit{};
  CpuList nodes{};
  Switch numa_balancing{};
};

struct NetworkFacts {
  Switch taps{};   ///< The kernel has TUN/TAP.
  Switch vhost{};  ///< The kernel serves virtqueues of a tap.
  Switch passt{};  ///< passt(1) is installed.
};

struct IsolationFacts {
  CpuList online{};
  CpuList isolated{};  ///< By isolcpus= or as a cpuset partition.
  CpuList nohz_full{};
  std::map<std::uint32_t, CpuList> siblings{};  ///< Of isolated CPUs.
  Switch smt{};
  /// As the kernel writes them; empty: not told.
  std::string security_modules{};
  std::string seccomp_actions{};
  /// An ordinary user may make user namespaces.
  Switch user_namespaces{};
  /// Of cgroup v2, as the kernel writes them; absent: it is not mounted where it should be, or not told.
  std::optional<std::string> cgroup_controllers{};
  /// Path of the group that mayfly was started in, and whether it may make others there; the same.
  std::optional<std::string> own_cgroup{};
  Switch own_cgroup_writable{};
  /// Name of a vulnerability and the kernel's words; without those that say "Not affected".
  std::vector<std::pair<std::string, std::string>> vulnerabilities{};
};

/// A host, as far as it matters to mayfly. Plain values: what follows from them is in advise.hpp and
/// dedicated.hpp.
struct Capabilities {
  std::string kernel{};
  /// Major and minor; nothing when the release is of another form.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> kernel_version{};
  std::string clock_source{};
  CpuFacts cpu{};
  KvmFacts kvm{};
  VfioFacts vfio{};
  IommuFacts iommu{};
  MemoryFacts memory{};
  NetworkFacts network{};
  IsolationFacts isolation{};
};

/// What a recording says. Foreign input: whatever has another form than expected is taken as not told.
[[nodiscard]] Capabilities read_capabilities(const Recording& recording);

// Its parts.
[[nodiscard]] CpuFacts read_cpu(const Recording& recording);
[[nodiscard]] KvmFacts read_kvm(const Recording& recording, Vendor vendor);
[[nodiscard]] VfioFacts read_vfio(const Recording& recording);
[[nodiscard]] IommuFacts read_iommu(const Recording& recording);
[[nodiscard]] MemoryFacts read_memory(const Recording& recording);
[[nodiscard]] NetworkFacts read_network(const Recording& recording);
[[nodiscard]] IsolationFacts read_isolation(const Recording& recording);

}  // namespace mayfly::doctor
