// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "doctor/advise.hpp"
#include "kvm/abi.hpp"

namespace mayfly::doctor {
namespace {

constexpr const char* kLab = "without it, ci/lab/lab runs mayfly on a host made in software";

constexpr Mechanism kCpu{"run", "cpu", "guests run in hardware", "Intel SDM 3C; AMD APM 2"};
constexpr Mechanism kNested{"run", "bare-metal",
                            "an exit goes to this host alone, not to the one below it first",
                            "Documentation/virt/kvm/x86/running-nested-guests.rst"};
constexpr Mechanism kDevice{"run", "kvm", "virtual machines", "Documentation/virt/kvm/api.rst"};
constexpr Mechanism kNeeds{"run", "kvm-needs", "what mayfly cannot do without",
                           "Documentation/virt/kvm/api.rst"};
constexpr Mechanism kKernel{"run", "kernel", "a kernel that mayfly is tested with", "README.md"};

bool names(const std::string& machine, std::string_view word) noexcept {
  return machine.find(word) != std::string::npos;
}

// Where nested virtualization is turned on, by who made the machine.
std::string nested_mend(const CpuFacts& cpu) {
  if (names(cpu.machine, "Amazon")) {
    return "take a .metal instance, or a type whose CPU options offer nested virtualization";
  }
  if (names(cpu.machine, "Google")) {
    return "create the instance with --enable-nested-virtualization, on Intel processors";
  }
  if (names(cpu.machine, "Microsoft") || cpu.hypervisor_name == "MicrosoftHv") {
    return "take a size that offers nested virtualization; on your own Hyper-V: Set-VMProcessor "
           "-ExposeVirtualizationExtensions $true";
  }
  if (cpu.hypervisor_name == "VMwareVMware") {
    return "expose hardware-assisted virtualization to the guest (vhv.enable = \"TRUE\")";
  }
  if (cpu.hypervisor_name.starts_with("KVM")) {
    return "on its host: modprobe kvm_intel (or kvm_amd) with nested=1, and give it the CPU model host";
  }
  return "turn it on in its hypervisor (nested=1, CPU model host)";
}

std::string under(const CpuFacts& cpu) {
  const std::string& name = cpu.machine.empty() ? cpu.hypervisor_name : cpu.machine;
  return name.empty() ? "" : " (" + name + ")";
}

Finding check_cpu(const CpuFacts& cpu) {
  if (cpu.vmx || cpu.svm) {
    const std::string model = cpu.model.empty() ? "" : ", " + cpu.model;
    return is_on(kCpu, (cpu.svm ? "AMD SVM" : "Intel VMX") + model);
  }
  if (cpu.hypervisor) {
    return failure(
        kCpu,
        "this host is a virtual machine" + under(cpu) + " without nested virtualization (no VMX or SVM)",
        nested_mend(cpu) + "; " + kLab);
  }
  return failure(kCpu, "the CPU offers neither VMX nor SVM",
                 std::string("turn on VT-x or SVM in the firmware's set-up; ") + kLab);
}

Finding check_nested(const CpuFacts& cpu) {
  if (!cpu.hypervisor) {
    return is_on(kNested, "no hypervisor below");
  }
  return is_absent(kNested, "this host is a virtual machine itself" + under(cpu) +
                                ": each exit of a guest costs several of its own");
}

std::string module_mend(const CpuFacts& cpu) {
  return cpu.svm ? "sudo modprobe kvm_amd" : cpu.vmx ? "sudo modprobe kvm_intel" : "see the line above";
}

Finding cannot_open(const Capabilities& host) {
  const int error = static_cast<int>(-host.kvm.open);
  const std::string why = Error(error, "cannot open /dev/kvm").what();
  const bool forbidden = error == EACCES || error == EPERM;
  if ((error == ENOENT && host.kvm.module_loaded) || (error == EPERM && host.kvm.in_container)) {
    return failure(
        kDevice,
        error == ENOENT ? "the kernel has KVM, but there is no /dev/kvm here, as in a container" : why,
        "give it to the container: docker run --device /dev/kvm");
  }
  if (error == ENOENT) {
    return failure(kDevice, "there is no /dev/kvm", module_mend(host.cpu));
  }
  if (error == ENODEV || error == ENXIO) {
    return failure(kDevice, why, module_mend(host.cpu));
  }
  if (forbidden) {
    return failure(kDevice, why, "sudo usermod -aG kvm \"$USER\", then log in again");
  }
  return failure(kDevice, why, "see the kernel's log: sudo dmesg | grep -i kvm");
}

Finding check_device(const Capabilities& host) {
  if (host.kvm.open < 0) {
    return cannot_open(host);
  }
  const std::int64_t version = host.kvm.api_version.value_or(-ENOTTY);
  if (version < 0) {
    return failure(kDevice, "/dev/kvm is not the KVM device",
                   "sudo rm /dev/kvm, then " + module_mend(host.cpu));
  }
  if (version != KVM_API_VERSION) {
    return failure(kDevice, "KVM has API version " + std::to_string(version) + " instead of 12",
                   "boot a kernel of this century");
  }
  const std::int64_t created = host.kvm.create_vm.value_or(-ENOTTY);
  if (created < 0) {
    return failure(
        kDevice, Error(static_cast<int>(-created), "KVM cannot create a VM").what(),
        "EBUSY: another hypervisor (VirtualBox, VMware) holds the CPU; else see: sudo dmesg | grep -i kvm");
  }
  return is_on(kDevice, "/dev/kvm creates VMs");
}

Finding check_needs(const KvmFacts& kvm) {
  // Interrupts as messages, and memory of the guest that it cannot write: image and registers.
  constexpr std::array kNeeded{"KVM_CAP_SPLIT_IRQCHIP", "KVM_CAP_SIGNAL_MSI", "KVM_CAP_READONLY_MEM"};
  if (kvm.open < 0 || kvm.create_vm.value_or(-1) < 0) {
    return is_unknown(kNeeds, "cannot be asked without /dev/kvm");
  }
  std::string missing;
  for (const char* capability : kNeeded) {
    if (kvm.capability(capability) == 0) {
      missing += (missing.empty() ? "" : ", ") + std::string(capability);
    }
  }
  if (!missing.empty()) {
    return failure(kNeeds, "KVM lacks " + missing, "boot Linux 6.1 or later");
  }
  return is_on(kNeeds, "all there, up to " + std::to_string(kvm.capability("KVM_CAP_MAX_VCPUS")) + " vCPUs");
}

Finding check_kernel(const Capabilities& host) {
  constexpr std::pair<std::uint32_t, std::uint32_t> kTested{6, 1};
  if (!host.kernel_version.has_value()) {
    return warning(kKernel, "cannot tell the version of the host's kernel", "see that /proc is mounted");
  }
  if (*host.kernel_version < kTested) {
    return warning(kKernel, "Linux " + host.kernel + " is older than what mayfly is tested with",
                   "boot Linux 6.1 or later");
  }
  return is_on(kKernel, "Linux " + host.kernel);
}

}  // namespace

void advise_run(const Capabilities& host, std::vector<Finding>& findings) {
  findings.push_back(check_cpu(host.cpu));
  findings.push_back(check_device(host));
  findings.push_back(check_needs(host.kvm));
  findings.push_back(check_kernel(host));
  findings.push_back(check_nested(host.cpu));
}

}  // namespace mayfly::doctor
