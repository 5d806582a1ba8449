// SPDX-License-Identifier: Apache-2.0
#include "exits/exit_names.hpp"

#include <array>
#include <cstdio>
#include <span>

#include <asm/svm.h>
#include <asm/vmx.h>
#include <linux/kvm.h>

namespace mayfly::exits {
namespace {

struct Name {
  long long code;
  const char* name;
};

// As the kernel's own trace prints them.
constexpr Name kVmxReasons[] = {VMX_EXIT_REASONS};
constexpr Name kSvmReasons[] = {SVM_EXIT_REASONS};
// KVM_ISA_VMX and KVM_ISA_SVM of arch/x86/kvm/trace.h.
constexpr std::uint64_t kIsaVmx = 1;
constexpr std::uint64_t kIsaSvm = 2;
// Above are flags, such as that the entry failed (SDM volume 3, 25.9.1).
constexpr std::uint64_t kVmxReasonMask = 0xffff;

constexpr Name kUserExits[] = {
    {KVM_EXIT_UNKNOWN, "unknown"},
    {KVM_EXIT_IO, "io"},
    {KVM_EXIT_HYPERCALL, "hypercall"},
    {KVM_EXIT_DEBUG, "debug"},
    {KVM_EXIT_HLT, "hlt"},
    {KVM_EXIT_MMIO, "mmio"},
    {KVM_EXIT_IRQ_WINDOW_OPEN, "irq_window_open"},
    {KVM_EXIT_SHUTDOWN, "shutdown"},
    {KVM_EXIT_FAIL_ENTRY, "fail_entry"},
    {KVM_EXIT_INTR, "intr"},
    {KVM_EXIT_INTERNAL_ERROR, "internal_error"},
    {KVM_EXIT_SYSTEM_EVENT, "system_event"},
    {KVM_EXIT_IOAPIC_EOI, "ioapic_eoi"},
    {KVM_EXIT_HYPERV, "hyperv"},
    {KVM_EXIT_X86_RDMSR, "rdmsr"},
    {KVM_EXIT_X86_WRMSR, "wrmsr"},
    {KVM_EXIT_DIRTY_RING_FULL, "dirty_ring_full"},
    {KVM_EXIT_X86_BUS_LOCK, "bus_lock"},
    {static_cast<long long>(kRestarted), "signal"},
    {static_cast<long long>(kFailed), "error"},
};

// SDM volume 4, AMD's manual volume 2 appendix A, Hyper-V's TLFS, and Documentation/virt/kvm/x86/msr.rst.
constexpr Name kMsrs[] = {
    {0x10, "TSC"},
    {0x1b, "APIC_BASE"},
    {0x3b, "TSC_ADJUST"},
    {0x48, "SPEC_CTRL"},
    {0x49, "PRED_CMD"},
    {0x8b, "PATCH_LEVEL"},
    {0xfe, "MTRRCAP"},
    {0x174, "SYSENTER_CS"},
    {0x175, "SYSENTER_ESP"},
    {0x176, "SYSENTER_EIP"},
    {0x1a0, "MISC_ENABLE"},
    {0x277, "PAT"},
    {0x2ff, "MTRR_DEF_TYPE"},
    {0x6e0, "TSC_DEADLINE"},
    {0x802, "X2APIC_ID"},
    {0x808, "X2APIC_TPR"},
    {0x80b, "X2APIC_EOI"},
    {0x80d, "X2APIC_LDR"},
    {0x80f, "X2APIC_SIVR"},
    {0x828, "X2APIC_ESR"},
    {0x830, "X2APIC_ICR"},
    {0x832, "X2APIC_LVTT"},
    {0x838, "X2APIC_TMICT"},
    {0x839, "X2APIC_TMCCT"},
    {0x83f, "X2APIC_SELF_IPI"},
    {0x400000b0, "HYPERV_STIMER0_CONFIG"},
    {0x400000b1, "HYPERV_STIMER0_COUNT"},
    {0x4b564d00, "KVM_WALL_CLOCK_NEW"},
    {0x4b564d01, "KVM_SYSTEM_TIME_NEW"},
    {0x4b564d02, "KVM_ASYNC_PF_EN"},
    {0x4b564d03, "KVM_STEAL_TIME"},
    {0x4b564d04, "KVM_PV_EOI_EN"},
    {0x4b564d05, "KVM_POLL_CONTROL"},
    {0x4b564d06, "KVM_ASYNC_PF_INT"},
    {0x4b564d07, "KVM_ASYNC_PF_ACK"},
    {0xc0000080, "EFER"},
    {0xc0000081, "STAR"},
    {0xc0000082, "LSTAR"},
    {0xc0000083, "CSTAR"},
    {0xc0000084, "SFMASK"},
    {0xc0000100, "FS_BASE"},
    {0xc0000101, "GS_BASE"},
    {0xc0000102, "KERNEL_GS_BASE"},
    {0xc0000103, "TSC_AUX"},
};

// include/uapi/linux/kvm_para.h
constexpr Name kHypercalls[] = {
    {1, "VAPIC_POLL_IRQ"}, {5, "KICK_CPU"},     {9, "CLOCK_PAIRING"},
    {10, "SEND_IPI"},      {11, "SCHED_YIELD"}, {12, "MAP_GPA_RANGE"},
};

const char* find(std::span<const Name> names, std::uint64_t code) noexcept {
  for (const Name& each : names) {
    if (static_cast<std::uint64_t>(each.code) == code) {
      return each.name;
    }
  }
  return nullptr;
}

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 24> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(number)));
  return text.data();
}

std::string reason_name(std::uint64_t key) {
  const std::uint64_t isa = key >> 32U;
  const std::uint64_t reason = key & UINT32_MAX;
  const char* name = nullptr;
  if (isa == kIsaVmx) {
    name = find(kVmxReasons, reason & kVmxReasonMask);
  } else if (isa == kIsaSvm) {
    // SVM's codes are 64 bits wide; KVM traces the lower ones of -1, SVM_EXIT_ERR.
    name = find(kSvmReasons, reason == UINT32_MAX ? UINT64_MAX : reason);
  }
  return name != nullptr ? name : hexadecimal(reason);
}

std::string named(const std::string& number, const char* name) {
  return name == nullptr ? number : number + " " + name;
}

std::string access_name(std::uint64_t key) {
  return hexadecimal(key >> 1U) + ((key & 1U) != 0 ? " write" : " read");
}

}  // namespace

std::string_view name_of(Group group) noexcept {
  constexpr std::array<std::string_view, kGroups> kNames = {
      "reason", "user_exit", "vm", "vcpu", "port", "mmio", "msr", "hypercall", "msi"};
  return kNames[static_cast<std::size_t>(group)];
}

std::string name_of(Group group, std::uint64_t key) {
  if (key == kOtherKeys) {
    return "others";
  }
  switch (group) {
    case Group::kReason:
      return reason_name(key);
    case Group::kUserExit: {
      const char* const name = find(kUserExits, key);
      return name != nullptr ? name : std::to_string(key);
    }
    case Group::kVcpu:
      return std::to_string(key & UINT32_MAX);
    case Group::kPort:
    case Group::kMmio:
      return access_name(key);
    case Group::kMsr:
      return named(access_name(key), find(kMsrs, key >> 1U));
    case Group::kHypercall:
      return named(std::to_string(key), find(kHypercalls, key));
    case Group::kMsi:
      return "vector " + hexadecimal(key);
    case Group::kVm:
      break;
  }
  return std::to_string(key);
}

}  // namespace mayfly::exits
