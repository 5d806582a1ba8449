// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "kvm/abi.hpp"

namespace mayfly::kvm {

/// Which exits a vCPU that has a CPU to itself does without, of those that KVM_CAP_X86_DISABLE_EXITS
/// (`offered`) lets one disable: HLT, and PAUSE and MWAIT where they are there. Nothing when HLT is not: then
/// a CPU of its own gains nothing. Source: api.rst, 7.13.
[[nodiscard]] constexpr std::optional<std::uint64_t> exits_to_disable(std::int64_t offered) noexcept {
  constexpr std::uint64_t kWanted =
      KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_MWAIT;
  if (offered < 0 || (offered & KVM_X86_DISABLE_EXITS_HLT) == 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(offered) & kWanted;
}

}  // namespace mayfly::kvm
