// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "kvm/abi.hpp"

namespace mayfly::doctor {

// Names of answers in a recording.
inline constexpr const char* kKvmOpen = "open /dev/kvm";
inline constexpr const char* kKvmVersion = "KVM_GET_API_VERSION";
inline constexpr const char* kKvmCreateVm = "KVM_CREATE_VM";
inline constexpr const char* kVfioOpen = "open /dev/vfio/vfio";
/// 1: iommufd serves /dev/vfio/vfio.
inline constexpr const char* kVfioCompatibility = "vfio compatibility container";

/// Linux 6.11; the headers that mayfly is built with are older.
inline constexpr std::uint32_t kCapPreFaultMemory = 236;

/// What KVM_CHECK_EXTENSION is asked.
inline constexpr std::array kKvmQuestions{
    std::pair{"KVM_CAP_TSC_DEADLINE_TIMER", std::uint32_t{KVM_CAP_TSC_DEADLINE_TIMER}},
    std::pair{"KVM_CAP_SIGNAL_MSI", std::uint32_t{KVM_CAP_SIGNAL_MSI}},
    std::pair{"KVM_CAP_READONLY_MEM", std::uint32_t{KVM_CAP_READONLY_MEM}},
    std::pair{"KVM_CAP_SPLIT_IRQCHIP", std::uint32_t{KVM_CAP_SPLIT_IRQCHIP}},
    std::pair{"KVM_CAP_MAX_VCPUS", std::uint32_t{KVM_CAP_MAX_VCPUS}},
    std::pair{"KVM_CAP_X86_DISABLE_EXITS", std::uint32_t{KVM_CAP_X86_DISABLE_EXITS}},
    std::pair{"KVM_CAP_DIRTY_LOG_RING", std::uint32_t{KVM_CAP_DIRTY_LOG_RING}},
    std::pair{"KVM_CAP_EXIT_HYPERCALL", std::uint32_t{KVM_CAP_EXIT_HYPERCALL}},
    std::pair{"KVM_CAP_HYPERV_ENFORCE_CPUID", std::uint32_t{KVM_CAP_HYPERV_ENFORCE_CPUID}},
    std::pair{"KVM_CAP_HYPERV_SYNIC2", std::uint32_t{KVM_CAP_HYPERV_SYNIC2}},
    std::pair{"KVM_CAP_BINARY_STATS_FD", std::uint32_t{KVM_CAP_BINARY_STATS_FD}},
    std::pair{"KVM_CAP_DISABLE_QUIRKS2", std::uint32_t{KVM_CAP_DISABLE_QUIRKS2}},
    std::pair{"KVM_CAP_PRE_FAULT_MEMORY", kCapPreFaultMemory},
};

}  // namespace mayfly::doctor
