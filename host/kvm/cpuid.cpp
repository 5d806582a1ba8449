// SPDX-License-Identifier: Apache-2.0
#include "kvm/cpuid.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <tuple>

#include <cpuid.h>
#include <linux/kvm_para.h>
#include <sys/ioctl.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

// Intel SDM 2A and AMD APM 3, CPUID.
constexpr std::uint32_t kLeafFeatures = 1;
constexpr std::uint32_t kLeafCaches = 4;
constexpr std::uint32_t kLeafMonitor = 5;
constexpr std::uint32_t kLeafTopology = 0xb;
constexpr std::uint32_t kLeafTopologyV2 = 0x1f;
constexpr std::uint32_t kLeafAmdSizes = 0x80000008;
constexpr std::uint32_t kLeafAmdCaches = 0x8000001d;
constexpr std::uint32_t kLeafAmdTopology = 0x8000001e;
constexpr std::uint32_t kEcxMonitor = 1U << 3U;
constexpr std::uint32_t kEcxX2Apic = 1U << 21U;
constexpr std::uint32_t kEcxTscDeadline = 1U << 24U;
constexpr std::uint32_t kEcxHypervisor = 1U << 31U;
constexpr std::uint32_t kEdxHyperThreading = 1U << 28U;

// Hyper-V TLFS, chapter 2, Feature and Interface Discovery.
constexpr std::uint32_t kHyperVVendor = 0x40000000;
constexpr std::uint32_t kHyperVInterface = 0x40000001;
constexpr std::uint32_t kHyperVFeatures = 0x40000003;
constexpr std::uint32_t kHyperVSignature = 0x31237648;  // "Hv#1"
constexpr std::uint32_t kEaxSyntheticTimers = 1U << 3U;
/// They interrupt by a vector of the APIC, and send no messages.
constexpr std::uint32_t kEdxTimersInterrupt = 1U << 19U;
/// Where a guest looks next for KVM (Documentation/virt/kvm/x86/cpuid.rst).
constexpr std::uint32_t kKvmBesideHyperV = KVM_CPUID_SIGNATURE + 0x100;

constexpr std::size_t kEntriesMax = 256;

kvm_cpuid_entry2 leaf_of(std::uint32_t function, std::uint32_t eax, std::string_view name = {}) noexcept {
  kvm_cpuid_entry2 entry{};
  entry.function = function;
  entry.eax = eax;
  if (!name.empty()) {
    std::memcpy(&entry.ebx, name.data(), sizeof(entry.ebx));
    std::memcpy(&entry.ecx, name.data() + 4, sizeof(entry.ecx));
    std::memcpy(&entry.edx, name.data() + 8, sizeof(entry.edx));
  }
  return entry;
}

std::vector<kvm_cpuid_entry2> supported_entries(const System& system) {
  std::vector<std::uint64_t> storage((sizeof(kvm_cpuid2) + kEntriesMax * sizeof(kvm_cpuid_entry2)) / 8 + 1);
  auto* table = reinterpret_cast<kvm_cpuid2*>(storage.data());  // Safe: zeroed, aligned, large enough.
  table->nent = kEntriesMax;
  if (::ioctl(system.fd(), KVM_GET_SUPPORTED_CPUID, table) < 0) {
    fail_errno("KVM_GET_SUPPORTED_CPUID");
  }
  std::vector<kvm_cpuid_entry2> entries(table->entries, table->entries + table->nent);
  for (kvm_cpuid_entry2& entry : entries) {
    if (entry.function == kLeafFeatures && system.check(KVM_CAP_TSC_DEADLINE_TIMER) > 0) {
      entry.ecx |= kEcxTscDeadline;
    }
  }
  return entries;
}

}  // namespace

MonitorLeaf host_monitor_leaf() noexcept {
  std::array<std::uint32_t, 4> r{};
  if (__get_cpuid(kLeafFeatures, &r[0], &r[1], &r[2], &r[3]) == 0 || (r[2] & kEcxMonitor) == 0 ||
      __get_cpuid(kLeafMonitor, &r[0], &r[1], &r[2], &r[3]) == 0) {
    return std::nullopt;
  }
  return r;
}

Cpuid::Cpuid(const System& system, std::uint32_t cpus) : Cpuid(supported_entries(system), cpus) {}

Cpuid::Cpuid(std::vector<kvm_cpuid_entry2> entries, std::uint32_t cpus)
    : cpus_(cpus), entries_(std::move(entries)) {
  MAYFLY_ASSERT(cpus >= 1);
  describe_topology();
}

/// One package of `cpus` cores without hyper-threads, in every vendor's words.
void Cpuid::describe_topology() {
  const auto is_topology = [](const kvm_cpuid_entry2& entry) {
    return entry.function == kLeafTopology || entry.function == kLeafTopologyV2;
  };
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(), is_topology), entries_.end());
  const auto id_bits = static_cast<std::uint32_t>(std::bit_width(cpus_ - 1));
  // SDM 2A, leaf 0BH: EAX shift to the next level, EBX processors here, ECX level type << 8 | subleaf.
  kvm_cpuid_entry2 threads{};
  threads.function = kLeafTopology;
  threads.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
  threads.ebx = 1;
  threads.ecx = 1U << 8U;
  kvm_cpuid_entry2 cores = threads;
  cores.index = 1;
  cores.eax = id_bits;
  cores.ebx = cpus_;
  cores.ecx = 2U << 8U | 1U;
  entries_.push_back(threads);
  entries_.push_back(cores);

  for (kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == kLeafFeatures) {
      entry.ecx |= kEcxHypervisor | kEcxX2Apic;
      entry.edx = cpus_ > 1 ? entry.edx | kEdxHyperThreading : entry.edx & ~kEdxHyperThreading;
    } else if (entry.function == kLeafCaches && (entry.eax & 0x1fU) != 0) {
      // Bits 31:26 cores in the package less one; 25:14 sharers of this cache less one: only level 3 is
      // shared.
      const bool shared = ((entry.eax >> 5U) & 7U) >= 3;
      entry.eax = (entry.eax & 0x3fffU) | std::min(cpus_ - 1, 63U) << 26U | (shared ? cpus_ - 1 : 0U) << 14U;
    } else if (entry.function == kLeafAmdCaches && (entry.eax & 0x1fU) != 0) {
      const bool shared = ((entry.eax >> 5U) & 7U) >= 3;
      entry.eax = (entry.eax & 0x3fffU) | (shared ? cpus_ - 1 : 0U) << 14U;
    } else if (entry.function == kLeafAmdSizes) {
      entry.ecx = id_bits << 12U | (cpus_ - 1);  // ApicIdSize, NC
    }
  }
}

void Cpuid::add_synthetic_timers() {
  for (kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == KVM_CPUID_SIGNATURE) {
      entry.function = kKvmBesideHyperV;
      entry.eax = kKvmBesideHyperV | 1U;
    } else if (entry.function == KVM_CPUID_FEATURES) {
      entry.function = kKvmBesideHyperV | 1U;
    }
  }
  kvm_signature_ = kKvmBesideHyperV;
  // The name is KVM's own for this (kvm_get_hv_cpuid()), so that no guest takes the host for Hyper-V.
  entries_.push_back(leaf_of(kHyperVVendor, kHyperVFeatures, "Linux KVM Hv"));
  entries_.push_back(leaf_of(kHyperVInterface, kHyperVSignature));
  entries_.push_back(leaf_of(kHyperVFeatures, kEaxSyntheticTimers));
  entries_.back().edx = kEdxTimersInterrupt;
}

void Cpuid::add_map_range() noexcept {
  for (kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == kvm_features()) {
      entry.eax |= 1U << KVM_FEATURE_HC_MAP_GPA_RANGE;
    }
  }
}

void Cpuid::dedicate(const MonitorLeaf& monitor) {
  for (kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == kvm_features()) {
      entry.eax &= ~(1U << KVM_FEATURE_PV_UNHALT);
      entry.edx |= 1U << KVM_HINTS_REALTIME;
    } else if (entry.function == kLeafFeatures && monitor.has_value()) {
      entry.ecx |= kEcxMonitor;
    } else if (entry.function == kLeafMonitor && monitor.has_value()) {
      std::tie(entry.eax, entry.ebx, entry.ecx, entry.edx) = std::tuple_cat(*monitor);
    }
  }
}

const kvm_cpuid2* Cpuid::for_vcpu(std::uint32_t apic_id) {
  MAYFLY_ASSERT(apic_id < cpus_);
  for (kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == kLeafFeatures) {
      entry.ebx = (entry.ebx & 0xffffU) | std::min(cpus_, 255U) << 16U | apic_id << 24U;
    } else if (entry.function == kLeafTopology) {
      entry.edx = apic_id;
    } else if (entry.function == kLeafAmdTopology) {
      entry.eax = apic_id;
      entry.ebx = apic_id;  // one thread a core
      entry.ecx = 0;        // one node
    }
  }
  storage_.resize((sizeof(kvm_cpuid2) + entries_.size() * sizeof(kvm_cpuid_entry2)) / 8 + 1);
  auto* table = reinterpret_cast<kvm_cpuid2*>(storage_.data());  // Safe: sized for all entries.
  table->nent = static_cast<std::uint32_t>(entries_.size());
  std::memcpy(table->entries, entries_.data(), entries_.size() * sizeof(kvm_cpuid_entry2));
  return table;
}

std::uint32_t Cpuid::physical_bits() const noexcept {
  for (const kvm_cpuid_entry2& entry : entries_) {
    if (entry.function == kLeafAmdSizes) {
      return entry.eax & 0xffU;
    }
  }
  return 36;
}

}  // namespace mayfly::kvm
