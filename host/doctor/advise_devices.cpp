// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "base/error.hpp"
#include "doctor/advise.hpp"

namespace mayfly::doctor {
namespace {

constexpr const char* kRemapping = "Documentation/arch/x86/iommu.rst; Documentation/driver-api/vfio.rst";

constexpr Mechanism kIommu{"iommu", "translation", "devices of the host can be passed through",
                           "Documentation/driver-api/vfio.rst"};
constexpr Mechanism kInterruptRemapping{"iommu", "interrupt-remapping",
                                        "a device that is passed through raises no interrupts but its own",
                                        kRemapping};
constexpr Mechanism kPosting{
    "iommu", "interrupt-posting", "the IOMMU delivers a device's interrupt to a running vCPU",
    "VT-d specification, interrupt posting; AMD IOMMU specification, guest virtual APIC"};
constexpr Mechanism kLargePages{
    "iommu", "large-pages", "512 times fewer entries to write for 2 MiB pages",
    "VT-d specification, second-stage translation; AMD IOMMU specification, page tables"};
constexpr Mechanism kInterface{"vfio", "type1",
                               "1 GiB pages mapped 16 times faster than by iommufd's compatibility layer",
                               "A. Lewis, kvm@vger.kernel.org, December 2025"};
constexpr Mechanism kIommufd{"vfio", "iommufd", "several threads map memory for devices at once",
                             "Linux, drivers/iommu/iommufd/io_pagetable.c"};
constexpr Mechanism kCharacterDevices{"vfio", "cdev", "a device is opened by iommufd, without its group",
                                      "Documentation/driver-api/vfio.rst"};
constexpr Mechanism kVfioLarge{"vfio", "large-pages", "type1 maps by the largest entry that fits",
                               "Linux, drivers/vfio/vfio_iommu_type1.c, disable_hugepages"};
constexpr Mechanism kEntries{"vfio", "dma-entry-limit",
                             "guest memory is mapped in pieces of 128 MiB, not larger",
                             "Linux, drivers/vfio/vfio_iommu_type1.c, dma_entry_limit"};
constexpr Mechanism kSafeInterrupts{"vfio", "safe-interrupts", "a guest cannot forge interrupts of the host",
                                    "Linux, drivers/vfio/vfio_iommu_type1.c, allow_unsafe_interrupts"};
constexpr Mechanism kNoBypass{"vfio", "no-noiommu", "no device reaches memory past the IOMMU",
                              "Linux, drivers/vfio/Kconfig, VFIO_NOIOMMU"};
constexpr Mechanism kIdlePower{"vfio", "no-idle-d3", "opening a device does not wait for it to power up",
                               "Linux, drivers/vfio/pci/vfio_pci.c, disable_idle_d3"};

Finding check_iommu(const Capabilities& host) {
  if (host.iommu.groups > 0) {
    return is_on(kIommu, std::to_string(host.iommu.groups) + " IOMMU groups");
  }
  if (host.cpu.hypervisor) {
    return is_absent(
        kIommu, "no IOMMU in use, so devices cannot be passed through",
        "give this virtual machine an IOMMU in its hypervisor (QEMU: -device intel-iommu,intremap=on)");
  }
  const char* mend = host.cpu.vendor == Vendor::kAmd
                         ? "turn on AMD-Vi (IOMMU) in the firmware's set-up"
                         : "turn on VT-d in the firmware's set-up and boot with intel_iommu=on";
  return is_off(kIommu, "no IOMMU in use, so devices cannot be passed through", mend);
}

Finding check_remapping(const Capabilities& host) {
  if (host.iommu.groups == 0) {
    return is_unknown(kInterruptRemapping, "no IOMMU in use");
  }
  if (host.iommu.remapping == false) {
    return warning(
        kInterruptRemapping, "off, so VFIO refuses devices",
        "remove intremap=off from the kernel's command line, or turn x2APIC on in the firmware's set-up");
  }
  return of_switch(kInterruptRemapping, host.iommu.remapping, "");
}

Finding check_posting(const Capabilities& host) {
  if (!host.iommu.posting.has_value()) {
    return is_unknown(kPosting,
                      host.iommu.groups == 0 ? "no IOMMU in use" : "the IOMMU's registers are not told");
  }
  if (!*host.iommu.posting) {
    return is_absent(kPosting, "not all IOMMUs of this host have it");
  }
  if (host.kvm.virtual_apic != true) {
    return is_off(kPosting, "needs APICv or AVIC, which is not on", "see interrupts.virtual-apic");
  }
  if (host.kvm.device_posted == false) {
    const char* module = host.cpu.vendor == Vendor::kAmd ? "kvm_amd" : "kvm_intel";
    return is_off(kPosting, "off in KVM",
                  std::string("reload ") + module + " with enable_device_posted_irqs=1");
  }
  return is_on(kPosting, "in use");
}

Finding check_large_pages(const IommuFacts& iommu) {
  if (!iommu.pages_2m.has_value()) {
    return is_unknown(kLargePages,
                      iommu.groups == 0 ? "no IOMMU in use" : "the IOMMU's registers are not told");
  }
  if (iommu.pages_2m == false) {
    return is_absent(kLargePages, "only 4 KiB: mapping guest memory takes long");
  }
  return is_on(kLargePages, iommu.pages_1g == true ? "2 MiB and 1 GiB" : "2 MiB");
}

Finding check_interface(const VfioFacts& vfio) {
  if (vfio.open < 0) {
    const int error = static_cast<int>(-vfio.open);
    if (error == ENOENT || error == ENODEV || error == ENXIO) {
      return vfio.iommufd ? is_absent(kInterface, "not in this kernel: mayfly takes iommufd")
                          : is_off(kInterface, "no VFIO", "sudo modprobe vfio-pci");
    }
    return is_off(kInterface, Error(error, "cannot open /dev/vfio/vfio").what(),
                  "passthrough is for root, or for a user who owns the group's file in /dev/vfio");
  }
  if (vfio.compatibility) {
    return is_absent(kInterface,
                     "/dev/vfio/vfio is iommufd's compatibility layer: mayfly takes iommufd itself",
                     vfio.iommufd ? "" : "sudo modprobe iommufd");
  }
  return is_on(kInterface, "native");
}

Finding check_entries(const VfioFacts& vfio) {
  // Linux' default, 64 Ki less one: enough for 8 TiB of a guest in pieces of 128 MiB.
  constexpr std::uint64_t kDefault = 65535;
  if (!vfio.entries.has_value()) {
    return is_unknown(kEntries, "not told: vfio_iommu_type1 is not loaded");
  }
  if (*vfio.entries < kDefault) {
    return is_off(kEntries, std::to_string(*vfio.entries) + " entries, below the default",
                  "echo 65535 | sudo tee /sys/module/vfio_iommu_type1/parameters/dma_entry_limit");
  }
  return is_on(kEntries, std::to_string(*vfio.entries) + " entries");
}

Finding check_safe_interrupts(const VfioFacts& vfio) {
  if (vfio.unsafe_interrupts == true) {
    return warning(kSafeInterrupts,
                   "allow_unsafe_interrupts is on: a guest with a device can attack the host",
                   "echo N | sudo tee /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
  }
  return vfio.unsafe_interrupts.has_value()
             ? is_on(kSafeInterrupts)
             : is_unknown(kSafeInterrupts, "not told: vfio_iommu_type1 is not loaded");
}

Finding check_no_iommu(const VfioFacts& vfio) {
  if (vfio.no_iommu == true) {
    return warning(kNoBypass, "enable_unsafe_noiommu_mode is on: devices may be opened without an IOMMU",
                   "echo N | sudo tee /sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
  }
  return is_on(kNoBypass, "no such mode in use");
}

Finding inverted(const Mechanism& mechanism, Switch state, const char* mend) {
  return of_switch(mechanism, state.has_value() ? Switch(!*state) : std::nullopt, mend);
}

}  // namespace

void advise_devices(const Capabilities& host, std::vector<Finding>& findings) {
  const VfioFacts& vfio = host.vfio;
  findings.push_back(check_iommu(host));
  findings.push_back(check_remapping(host));
  findings.push_back(check_posting(host));
  findings.push_back(check_large_pages(host.iommu));
  findings.push_back(check_interface(vfio));
  findings.push_back(vfio.iommufd ? is_on(kIommufd, "/dev/iommu is there")
                                  : is_absent(kIommufd, "no /dev/iommu",
                                              "sudo modprobe iommufd, where the kernel has CONFIG_IOMMUFD"));
  findings.push_back(vfio.character_devices
                         ? is_on(kCharacterDevices, "/dev/vfio/devices is there")
                         : is_absent(kCharacterDevices, "no /dev/vfio/devices",
                                     "needs CONFIG_VFIO_DEVICE_CDEV, and a device that vfio-pci has"));
  findings.push_back(inverted(kVfioLarge, vfio.no_large_pages,
                              "echo N | sudo tee /sys/module/vfio_iommu_type1/parameters/disable_hugepages"));
  findings.push_back(check_entries(vfio));
  findings.push_back(check_safe_interrupts(vfio));
  findings.push_back(check_no_iommu(vfio));
  findings.push_back(
      of_switch(kIdlePower, vfio.no_idle_d3, "reload vfio-pci with disable_idle_d3=1, at the cost of power"));
}

}  // namespace mayfly::doctor
