// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "base/words.hpp"
#include "doctor/capabilities.hpp"
#include "doctor/kvm_questions.hpp"
#include "doctor/paths.hpp"
#include "doctor/recorded_text.hpp"

namespace mayfly::doctor {
namespace {

Vendor vendor_of(std::string_view cpu_info) noexcept {
  const auto vendor = field_of(cpu_info, "vendor_id");
  return vendor == "GenuineIntel"                               ? Vendor::kIntel
         : vendor == "AuthenticAMD" || vendor == "HygonGenuine" ? Vendor::kAmd
                                                                : Vendor::kOther;
}

/// The signature of a hypervisor in EBX, ECX and EDX, without what cannot be printed.
std::string hypervisor_name(const Recording& recording) {
  const auto found = recording.cpuid.find(kLeafHypervisor);
  if (found == recording.cpuid.end()) {
    return {};
  }
  std::string name;
  for (std::size_t i = 1; i < found->second.size(); ++i) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      const auto byte = static_cast<unsigned char>(found->second[i] >> shift & 0xffU);
      if (byte > ' ' && byte < 0x7f) {
        name += static_cast<char>(byte);
      }
    }
  }
  return name;
}

std::string machine_name(const Recording& recording) {
  std::string name(recording.text(kMachineVendor).value_or(""));
  if (const std::string_view product = recording.text(kMachineProduct).value_or(""); !product.empty()) {
    name += (name.empty() ? "" : " ") + std::string(product);
  }
  return name;
}

void read_intel(std::string_view cpu_info, CpuFacts& cpu) {
  // Since Linux 5.8 only, and only where the firmware has turned VMX on.
  const auto flags = field_of(cpu_info, "vmx flags");
  if (!flags.has_value()) {
    return;
  }
  cpu.second_level = has_word(*flags, "ept");
  cpu.large_second_level = has_word(*flags, "ept_1gb");
  cpu.unrestricted = has_word(*flags, "unrestricted_guest");
  cpu.virtual_apic = has_word(*flags, "vid");
  cpu.virtual_x2apic = has_word(*flags, "vapic_reg") && has_word(*flags, "vid");
  cpu.virtual_ipi = has_word(*flags, "ipi_virt");
  cpu.posted_interrupts = has_word(*flags, "posted_intr");
  cpu.preemption_timer = has_word(*flags, "preemption_timer");
  cpu.page_log = has_word(*flags, "pml");
}

void read_amd(std::string_view flags, CpuFacts& cpu) {
  cpu.second_level = has_word(flags, "npt");
  cpu.large_second_level = has_word(flags, "npt") && has_word(flags, "pdpe1gb");
  cpu.unrestricted = true;
  cpu.virtual_apic = has_word(flags, "avic");
  cpu.virtual_x2apic = has_word(flags, "x2avic");
  cpu.virtual_ipi = has_word(flags, "x2avic");
  cpu.posted_interrupts = has_word(flags, "avic");
}

}  // namespace

CpuFacts read_cpu(const Recording& recording) {
  const std::string_view info = recording.text(kCpuInfo).value_or("");
  const std::string_view flags = field_of(info, "flags").value_or("");
  const std::string_view bugs = field_of(info, "bugs").value_or("");
  CpuFacts cpu;
  cpu.vendor = vendor_of(info);
  cpu.model = field_of(info, "model name").value_or("");
  cpu.vmx = has_word(flags, "vmx");
  cpu.svm = has_word(flags, "svm");
  cpu.hypervisor = has_word(flags, "hypervisor");
  cpu.tsc_deadline = has_word(flags, "tsc_deadline_timer");
  cpu.monitor = has_word(flags, "monitor");
  cpu.itlb_multihit = has_word(bugs, "itlb_multihit");
  cpu.hypervisor_name = hypervisor_name(recording);
  cpu.machine = machine_name(recording);
  if (cpu.svm) {
    read_amd(flags, cpu);
  } else if (cpu.vmx) {
    read_intel(info, cpu);
  }
  return cpu;
}

std::int64_t KvmFacts::capability(std::string_view name) const noexcept {
  const auto found = capabilities.find(name);
  return found == capabilities.end() || found->second < 0 ? 0 : found->second;
}

KvmFacts read_kvm(const Recording& recording, Vendor vendor) {
  const bool amd = vendor == Vendor::kAmd;
  const auto common = [&](std::string_view name) {
    return switch_in(recording.text(kKvmParameters + std::string(name)));
  };
  const auto own = [&](std::string_view intel_name, std::string_view amd_name) {
    return switch_in(recording.text((amd ? kKvmAmdParameters : kKvmIntelParameters) +
                                    std::string(amd ? amd_name : intel_name)));
  };
  KvmFacts kvm;
  kvm.open = recording.answer(kKvmOpen).value_or(-ENOENT);
  kvm.api_version = recording.answer(kKvmVersion);
  kvm.create_vm = recording.answer(kKvmCreateVm);
  for (const auto& [name, capability] : kKvmQuestions) {
    if (const auto answer = recording.answer(name)) {
      kvm.capabilities[name] = *answer;
    }
  }
  kvm.module_loaded = recording.has(amd ? "/sys/module/kvm_amd" : "/sys/module/kvm_intel") == true;
  kvm.in_container = recording.has("/.dockerenv") == true || recording.has("/run/.containerenv") == true;
  kvm.second_level = own("ept", "npt");
  kvm.unrestricted = amd ? Switch(true) : own("unrestricted_guest", "");
  kvm.parallel_faults = common("tdp_mmu");
  const auto nx = recording.text(kKvmParameters + std::string("nx_huge_pages"));
  kvm.split_executable = nx == "never" ? Switch(false) : switch_in(nx);
  kvm.eager_page_split = common("eager_page_split");
  kvm.page_log = amd ? Switch() : own("pml", "");
  kvm.virtual_apic = own("enable_apicv", "avic");
  kvm.virtual_ipi = own("enable_ipiv", "enable_ipiv");
  kvm.device_posted = own("enable_device_posted_irqs", "enable_device_posted_irqs");
  kvm.preemption_timer = amd ? Switch() : own("preemption_timer", "");
  kvm.posted_timer = common("pi_inject_timer");
  kvm.timer_advance = common("lapic_timer_advance");
  if (const auto nanoseconds = recording.text(kKvmParameters + std::string("lapic_timer_advance_ns"))) {
    kvm.timer_advance = nanoseconds != "0";  // before Linux 6.10; -1: as much as is needed
  }
  kvm.smt_rsb = common("mitigate_smt_rsb");
  kvm.halt_poll_ns = number_in(recording.text(kKvmParameters + std::string("halt_poll_ns")));
  return kvm;
}

}  // namespace mayfly::doctor
