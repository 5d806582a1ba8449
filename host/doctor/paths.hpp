// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly::doctor {

// Where a host says what it has: all that is recorded, and nothing else is looked at. Sources:
// Documentation/ABI/, Documentation/admin-guide/kernel-parameters.txt.
inline constexpr const char* kKvmDevice = "/dev/kvm";
inline constexpr const char* kVfioContainer = "/dev/vfio/vfio";
inline constexpr const char* kIommufdDevice = "/dev/iommu";
inline constexpr const char* kVfioDevices = "/dev/vfio/devices";

inline constexpr const char* kCpuInfo = "/proc/cpuinfo";
inline constexpr const char* kLimits = "/proc/self/limits";
inline constexpr const char* kRelease = "/proc/sys/kernel/osrelease";
inline constexpr const char* kOvercommit = "/proc/sys/vm/overcommit_memory";
/// What security modules are there: landlock among them (Documentation/admin-guide/LSM/index.rst).
inline constexpr const char* kSecurityModules = "/sys/kernel/security/lsm";
inline constexpr const char* kSeccompActions = "/proc/sys/kernel/seccomp/actions_avail";
inline constexpr const char* kUserNamespacesMax = "/proc/sys/user/max_user_namespaces";
/// Of Debian's and Ubuntu's kernels.
inline constexpr const char* kUserNamespacesForUsers = "/proc/sys/kernel/unprivileged_userns_clone";
inline constexpr const char* kUserNamespacesOfProfiles =
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
inline constexpr const char* kNumaBalancing = "/proc/sys/kernel/numa_balancing";
inline constexpr const char* kMachineVendor = "/sys/class/dmi/id/sys_vendor";
inline constexpr const char* kMachineProduct = "/sys/class/dmi/id/product_name";

inline constexpr const char* kCpusOnline = "/sys/devices/system/cpu/online";
inline constexpr const char* kCpusIsolated = "/sys/devices/system/cpu/isolated";
inline constexpr const char* kCpusNohzFull = "/sys/devices/system/cpu/nohz_full";
/// CPUs of isolated cpuset partitions, since Linux 6.7.
inline constexpr const char* kPartitionsIsolated = "/sys/fs/cgroup/cpuset.cpus.isolated";
/// Where cgroup v2 is mounted, and what controllers it has there.
inline constexpr const char* kCgroups = "/sys/fs/cgroup";
inline constexpr const char* kCgroupControllers = "/sys/fs/cgroup/cgroup.controllers";
/// The groups of this process, a line for each hierarchy; v2's begins with "0::".
inline constexpr const char* kOwnCgroups = "/proc/self/cgroup";
/// 0 where the user may make groups in its own.
inline constexpr const char* kOwnCgroupWritable = "own cgroup writable";
inline constexpr const char* kSmtActive = "/sys/devices/system/cpu/smt/active";
inline constexpr const char* kNodesOnline = "/sys/devices/system/node/online";
inline constexpr const char* kClockSource =
    "/sys/devices/system/clocksource/clocksource0/current_clocksource";

inline constexpr const char* kThpEnabled = "/sys/kernel/mm/transparent_hugepage/enabled";
inline constexpr const char* kThpShmem = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
inline constexpr const char* kHugePages = "/sys/kernel/mm/hugepages/hugepages-";
inline constexpr const char* kPages2m = "2048kB";
inline constexpr const char* kPages1g = "1048576kB";

inline constexpr const char* kIommuGroups = "/sys/kernel/iommu_groups";
inline constexpr const char* kIommuUnits = "/sys/class/iommu";

inline constexpr const char* kKvmParameters = "/sys/module/kvm/parameters/";
inline constexpr const char* kKvmIntelParameters = "/sys/module/kvm_intel/parameters/";
inline constexpr const char* kKvmAmdParameters = "/sys/module/kvm_amd/parameters/";
inline constexpr const char* kType1Parameters = "/sys/module/vfio_iommu_type1/parameters/";

/// Chips of interrupts that most machines have: the timer, the real-time clock, ACPI's.
inline constexpr std::array kIrqChips{"/sys/kernel/irq/0/chip_name", "/sys/kernel/irq/8/chip_name",
                                      "/sys/kernel/irq/9/chip_name"};

inline constexpr std::array kPlainFiles{
    kLimits,
    kRelease,
    kOvercommit,
    kNumaBalancing,
    kSecurityModules,
    kSeccompActions,
    kUserNamespacesMax,
    kUserNamespacesForUsers,
    kUserNamespacesOfProfiles,
    kCgroupControllers,
    kOwnCgroups,
    kMachineVendor,
    kMachineProduct,
    kCpusOnline,
    kCpusNohzFull,
    kSmtActive,
    "/sys/devices/system/cpu/vulnerabilities/itlb_multihit",
    "/sys/devices/system/cpu/vulnerabilities/l1tf",
    "/sys/devices/system/cpu/vulnerabilities/mds",
    "/sys/devices/system/cpu/vulnerabilities/mmio_stale_data",
    "/sys/devices/system/cpu/vulnerabilities/retbleed",
    "/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow",
    "/sys/devices/system/cpu/vulnerabilities/spectre_v2",
    "/sys/devices/system/cpu/vulnerabilities/tsa",
    "/sys/devices/system/cpu/vulnerabilities/vmscape",
    kClockSource,
    kThpEnabled,
    kThpShmem,
    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
    "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages",
    "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages",
    kIrqChips[0],
    kIrqChips[1],
    kIrqChips[2],
    "/sys/module/kvm/parameters/eager_page_split",
    "/sys/module/kvm/parameters/halt_poll_ns",
    "/sys/module/kvm/parameters/lapic_timer_advance",
    "/sys/module/kvm/parameters/lapic_timer_advance_ns",
    "/sys/module/kvm/parameters/mitigate_smt_rsb",
    "/sys/module/kvm/parameters/nx_huge_pages",
    "/sys/module/kvm/parameters/pi_inject_timer",
    "/sys/module/kvm/parameters/tdp_mmu",
    "/sys/module/kvm_intel/parameters/enable_apicv",
    "/sys/module/kvm_intel/parameters/enable_device_posted_irqs",
    "/sys/module/kvm_intel/parameters/enable_ipiv",
    "/sys/module/kvm_intel/parameters/ept",
    "/sys/module/kvm_intel/parameters/pml",
    "/sys/module/kvm_intel/parameters/preemption_timer",
    "/sys/module/kvm_intel/parameters/unrestricted_guest",
    "/sys/module/kvm_amd/parameters/avic",
    "/sys/module/kvm_amd/parameters/enable_device_posted_irqs",
    "/sys/module/kvm_amd/parameters/enable_ipiv",
    "/sys/module/kvm_amd/parameters/npt",
    "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
    "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
    "/sys/module/vfio_iommu_type1/parameters/disable_hugepages",
    "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
    "/sys/module/vfio_pci/parameters/disable_idle_d3",
};

inline constexpr std::array kPlainFolders{kIommuGroups, kVfioDevices};

inline constexpr const char* kTapDevice = "/dev/net/tun";
inline constexpr const char* kVhostNet = "/dev/vhost-net";
inline constexpr const char* kPasst = "/usr/bin/passt";

/// What is there or not: a module that is loaded or built in, a container, what guests' networks need.
inline constexpr std::array kMarks{"/sys/module/kvm_intel",
                                   "/sys/module/kvm_amd",
                                   "/.dockerenv",
                                   "/run/.containerenv",
                                   kTapDevice,
                                   kVhostNet,
                                   kPasst};

[[nodiscard]] inline std::string node_huge_pages(std::uint32_t node, std::string_view size) {
  return "/sys/devices/system/node/node" + std::to_string(node) + "/hugepages/hugepages-" +
         std::string(size) + "/free_hugepages";
}
[[nodiscard]] inline std::string siblings_of(std::uint32_t cpu) {
  return "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
}

// Intel SDM 2A, CPUID; leaf 0x40000000 by convention of all hypervisors.
inline constexpr std::uint32_t kLeafFeatures = 1;
inline constexpr std::uint32_t kLeafMonitor = 5;
inline constexpr std::uint32_t kLeafHypervisor = 0x40000000;
inline constexpr std::uint32_t kEcxHypervisor = 1U << 31U;

}  // namespace mayfly::doctor
