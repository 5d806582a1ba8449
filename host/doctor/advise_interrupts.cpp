// SPDX-License-Identifier: Apache-2.0
#include "doctor/advise.hpp"

namespace mayfly::doctor {
namespace {

constexpr Mechanism kApic{"interrupts", "virtual-apic", "a running vCPU gets interrupts without an exit",
                          "Intel SDM 3C, APIC virtualization; AMD APM 2, AVIC"};
constexpr Mechanism kIpi{"interrupts", "virtual-ipi", "a vCPU interrupts another without an exit",
                         "Intel SDM 3C, IPI virtualization; AMD APM 2, x2AVIC"};
constexpr Mechanism kDeadline{"timers", "tsc-deadline",
                              "the guest sets its timer by one write and calibrates nothing",
                              "Intel SDM 3A, TSC-deadline mode"};
constexpr Mechanism kSynthetic{"timers", "synthetic-timers",
                               "a guest that works has its tick for one exit instead of two or more",
                               "Hyper-V TLFS, Timers; Linux, arch/x86/kvm/hyperv.c"};
constexpr Mechanism kStableTsc{"timers", "tsc", "programs of the guest read the time without a system call",
                               "Linux, arch/x86/kernel/kvmclock.c, PVCLOCK_TSC_STABLE_BIT"};
constexpr Mechanism kPreemption{"timers", "preemption-timer", "a guest's timer takes no timer of the host",
                                "Intel SDM 3C, VMX-preemption timer"};
constexpr Mechanism kPostedTimer{"timers", "posted-timer",
                                 "another CPU fires the guest's timer, which is then no exit",
                                 "Linux, arch/x86/kvm/lapic.c, kvm_can_post_timer_interrupt"};
constexpr Mechanism kAdvance{"timers", "timer-advance",
                             "the guest's timer fires on time, not after the way in",
                             "Linux, arch/x86/kvm/lapic.c, lapic_timer_advance"};
constexpr Mechanism kHaltPoll{"timers", "halt-poll",
                              "a vCPU that was idle briefly wakes without the scheduler",
                              "Documentation/virt/kvm/halt-polling.rst"};

Finding check_apic(const Capabilities& host) {
  const bool amd = host.cpu.vendor == Vendor::kAmd;
  if (host.cpu.virtual_apic == false) {
    return is_absent(kApic, std::string(amd ? "AVIC" : "APICv") + (host.cpu.hypervisor
                                                                       ? " is hidden by the hypervisor below"
                                                                       : " is not in this processor"));
  }
  return of_switch(kApic, host.kvm.virtual_apic,
                   amd ? "sudo modprobe -r kvm_amd && sudo modprobe kvm_amd avic=1"
                       : "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel enable_apicv=1");
}

Finding check_ipi(const Capabilities& host) {
  if (host.cpu.virtual_ipi == false) {
    return is_absent(
        kIpi, host.cpu.vendor == Vendor::kAmd
                  ? "x2AVIC is not in this processor, so IPIs go by one hypercall for many"
                  : "IPI virtualization is not in this processor, so IPIs go by one hypercall for many");
  }
  if (host.cpu.vendor != Vendor::kAmd) {
    return of_switch(
        kIpi, host.kvm.virtual_ipi,
        "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel enable_ipiv=1 (and enable_apicv=1)");
  }
  // Its own parameter came with Linux 6.18; before, it went with AVIC.
  return of_switch(kIpi,
                   host.kvm.virtual_apic == true && host.kvm.virtual_ipi.has_value() ? host.kvm.virtual_ipi
                                                                                     : host.kvm.virtual_apic,
                   "sudo modprobe -r kvm_amd && sudo modprobe kvm_amd avic=1");
}

Finding check_deadline(const Capabilities& host) {
  if (host.kvm.open < 0) {
    return is_unknown(kDeadline, "cannot be asked without /dev/kvm");
  }
  return host.kvm.capability("KVM_CAP_TSC_DEADLINE_TIMER") > 0
             ? is_on(kDeadline, "given to guests")
             : is_absent(kDeadline, "KVM has none for guests");
}

Finding check_synthetic(const Capabilities& host) {
  if (host.kvm.open < 0) {
    return is_unknown(kSynthetic, "cannot be asked without /dev/kvm");
  }
  return host.kvm.capability("KVM_CAP_HYPERV_SYNIC2") > 0 &&
                 host.kvm.capability("KVM_CAP_HYPERV_ENFORCE_CPUID") > 0
             ? is_on(kSynthetic, "given to guests")
             : is_absent(kSynthetic, "not in this kernel's KVM",
                         "boot Linux 5.15 or later with CONFIG_KVM_HYPERV");
}

Finding check_tsc(const Capabilities& host) {
  if (host.clock_source == "tsc") {
    return is_on(kStableTsc, "the host's clock");
  }
  const std::string in_use =
      host.clock_source.empty() ? "not told" : "the host's clock is " + host.clock_source;
  if (host.clock_source == "kvm-clock" || host.clock_source.starts_with("hyperv")) {
    return is_absent(kStableTsc, in_use + ": KVM gives guests no stable one",
                     "where this machine is never migrated, boot with clocksource=tsc tsc=reliable");
  }
  return host.clock_source.empty() ? is_unknown(kStableTsc, in_use)
                                   : is_off(kStableTsc, in_use + ": the kernel does not trust the TSC",
                                            "see: sudo dmesg | grep -i tsc");
}

Finding check_preemption(const Capabilities& host) {
  if (host.cpu.preemption_timer == false) {
    return is_absent(kPreemption, "not in this processor, or hidden by the hypervisor below");
  }
  return of_switch(kPreemption, host.kvm.preemption_timer,
                   "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel preemption_timer=1");
}

// In the order in which they are needed.
Finding check_posted_timer(const Capabilities& host) {
  if (host.kvm.virtual_apic != true) {
    return is_absent(kPostedTimer, "needs APICv or AVIC, which is not on");
  }
  if (host.kvm.posted_timer != true) {
    return is_off(kPostedTimer, "off: all CPUs keep their own timers",
                  "boot with nohz_full=LIST for the CPUs of guests, which turns it on");
  }
  if (host.isolation.isolated.empty()) {
    return is_off(kPostedTimer,
                  "works for vCPUs that idle without exits only, and no CPU is isolated for them",
                  "isolate CPUs, and use mayfly run --dedicated");
  }
  return is_on(kPostedTimer, "on for mayfly run --dedicated");
}

Finding check_halt_poll(const KvmFacts& kvm) {
  if (!kvm.halt_poll_ns.has_value()) {
    return of_switch(kHaltPoll, std::nullopt, "");
  }
  if (*kvm.halt_poll_ns == 0) {
    return is_off(kHaltPoll, "off", "echo 200000 | sudo tee /sys/module/kvm/parameters/halt_poll_ns");
  }
  return is_on(kHaltPoll, "up to " + std::to_string(*kvm.halt_poll_ns / 1000) + " us of a CPU for each time");
}

}  // namespace

void advise_interrupts(const Capabilities& host, std::vector<Finding>& findings) {
  findings.push_back(check_apic(host));
  findings.push_back(check_ipi(host));
  findings.push_back(check_deadline(host));
  findings.push_back(check_synthetic(host));
  findings.push_back(check_tsc(host));
  if (host.cpu.vendor != Vendor::kAmd) {
    findings.push_back(check_preemption(host));
  }
  findings.push_back(check_posted_timer(host));
  findings.push_back(of_switch(kAdvance, host.kvm.timer_advance, "reload kvm with lapic_timer_advance=1"));
  findings.push_back(check_halt_poll(host.kvm));
}

}  // namespace mayfly::doctor
