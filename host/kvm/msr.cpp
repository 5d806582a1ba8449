// SPDX-License-Identifier: Apache-2.0
#include "kvm/msr.hpp"

#include <array>

#include "kvm/abi.hpp"
#include "kvm/vcpu.hpp"

namespace mayfly::kvm {
namespace {

// Intel SDM 4, table 2-2.
constexpr std::uint32_t kMiscEnable = 0x1a0;
constexpr std::uint64_t kMiscEnableFastStrings = 1U << 0U;
constexpr std::uint32_t kMtrrDefaultType = 0x2ff;
constexpr std::uint64_t kMtrrEnable = 1U << 11U;
constexpr std::uint64_t kMtrrWriteBack = 6;

}  // namespace

void set_boot_msrs(Vcpu& vcpu) {
  std::array<kvm_msr_entry, 2> entries{};
  entries[0].index = kMtrrDefaultType;
  entries[0].data = kMtrrEnable | kMtrrWriteBack;
  entries[1].index = kMiscEnable;
  entries[1].data = kMiscEnableFastStrings;
  vcpu.set_msrs(entries);
}

}  // namespace mayfly::kvm
