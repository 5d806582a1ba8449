// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "doctor/capabilities.hpp"
#include "doctor/kvm_questions.hpp"
#include "doctor/paths.hpp"
#include "doctor/recorded_text.hpp"

namespace mayfly::doctor {
namespace {

// VT-d specification, capability register: SLLPS 37:34 (2 MiB, 1 GiB), PI 59. AMD IOMMU specification,
// extended feature register: GASup 7; every size of page is there.
constexpr unsigned kIntelPages2m = 34;
constexpr unsigned kIntelPages1g = 35;
constexpr unsigned kIntelPosting = 59;
constexpr unsigned kAmdGuestApic = 7;

/// Whether interrupts go through a remapping unit, as the name of an interrupt's chip tells ("IR-IO-APIC").
Switch remapping_in_use(const Recording& recording) {
  Switch in_use;
  for (const char* path : kIrqChips) {
    const auto chip = recording.text(path);
    if (chip.has_value() && !chip->empty()) {
      in_use = in_use.value_or(false) || chip->starts_with("IR-");
    }
  }
  return in_use;
}

/// The register of a unit, if it has it.
std::optional<std::uint64_t> register_of(const Recording& recording, const std::string& unit,
                                         const char* path) {
  return number_in(recording.text(std::string(kIommuUnits) + "/" + unit + path), 16);
}

// What all units can do is what the host can.
void narrow(Switch& all, bool one) { all = all.value_or(true) && one; }

}  // namespace

VfioFacts read_vfio(const Recording& recording) {
  const auto type1 = [&](std::string_view name) {
    return recording.text(kType1Parameters + std::string(name));
  };
  VfioFacts vfio;
  vfio.open = recording.answer(kVfioOpen).value_or(-ENOENT);
  vfio.compatibility = recording.answer(kVfioCompatibility) == 1;
  vfio.iommufd = recording.has(kIommufdDevice) == true;
  vfio.character_devices = recording.folders.contains(kVfioDevices);
  vfio.unsafe_interrupts = switch_in(type1("allow_unsafe_interrupts"));
  vfio.no_large_pages = switch_in(type1("disable_hugepages"));
  vfio.entries = number_in(type1("dma_entry_limit"));
  vfio.no_iommu = switch_in(recording.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"));
  vfio.no_idle_d3 = switch_in(recording.text("/sys/module/vfio_pci/parameters/disable_idle_d3"));
  return vfio;
}

IommuFacts read_iommu(const Recording& recording) {
  IommuFacts iommu;
  iommu.groups = recording.names(kIommuGroups).size();
  iommu.units = recording.names(kIommuUnits).size();
  iommu.remapping = remapping_in_use(recording);
  for (const std::string& unit : recording.names(kIommuUnits)) {
    if (const auto intel = register_of(recording, unit, "/intel-iommu/cap")) {
      narrow(iommu.posting, (*intel >> kIntelPosting & 1U) != 0);
      narrow(iommu.pages_2m, (*intel >> kIntelPages2m & 1U) != 0);
      narrow(iommu.pages_1g, (*intel >> kIntelPages1g & 1U) != 0);
    } else if (const auto amd = register_of(recording, unit, "/amd-iommu/features")) {
      narrow(iommu.posting, (*amd >> kAmdGuestApic & 1U) != 0);
      narrow(iommu.pages_2m, true);
      narrow(iommu.pages_1g, true);
    }
  }
  return iommu;
}

NetworkFacts read_network(const Recording& recording) {
  return {
      .taps = recording.has(kTapDevice), .vhost = recording.has(kVhostNet), .passt = recording.has(kPasst)};
}

}  // namespace mayfly::doctor
