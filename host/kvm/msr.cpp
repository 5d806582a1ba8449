// SPDX-License-Identifier: Apache-2.0
#include "kvm/msr.hpp"

#include <array>

#include "kvm/abi.hpp"
#include "kvm/vcpu.hpp"

namespace mayfly::kvm {
namespace {

// Intel SDM 4, table 2-2.
constexpr std::uint32_t kApicBase = 0x1b;
constexpr std::uint64_t kApicBaseBootProcessor = 1U << 8U;
constexpr std::uint64_t kApicBaseX2Apic = 1U << 10U;
constexpr std::uint64_t kApicBaseEnable = 1U << 11U;
constexpr std::uint64_t kApicBaseAddress = 0xfee00000;
constexpr std::uint32_t kMiscEnable = 0x1a0;
constexpr std::uint64_t kMiscEnableFastStrings = 1U << 0U;
constexpr std::uint32_t kMtrrDefaultType = 0x2ff;
constexpr std::uint64_t kMtrrEnable = 1U << 11U;
constexpr std::uint64_t kMtrrWriteBack = 6;

}  // namespace

void set_boot_msrs(Vcpu& vcpu, bool boot_processor) {
  std::array<kvm_msr_entry, 3> entries{};
  entries[0].index = kMtrrDefaultType;
  entries[0].data = kMtrrEnable | kMtrrWriteBack;
  entries[1].index = kMiscEnable;
  entries[1].data = kMiscEnableFastStrings;
  entries[2].index = kApicBase;
  entries[2].data =
      kApicBaseAddress | kApicBaseEnable | kApicBaseX2Apic | (boot_processor ? kApicBaseBootProcessor : 0);
  vcpu.set_msrs(entries);
}

}  // namespace mayfly::kvm
