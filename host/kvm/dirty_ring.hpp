// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/mapping.hpp"
#include "kvm/vcpu.hpp"
#include "kvm/vm.hpp"

namespace mayfly::kvm {

/// A page of a memory slot that a vCPU has written.
struct DirtyPage {
  std::uint32_t slot = 0;
  /// Pages of 4 KiB from the slot's begin on.
  std::uint64_t page = 0;
};

/// The pages that one vCPU has written, as KVM tells of them (api.rst 8.29, KVM_CAP_DIRTY_LOG_RING): each
/// once, until it was taken and the VM's rings were reset. A vCPU whose ring is almost full leaves the guest
/// by DirtyRingFull, and does not go back in before pages were taken and the rings reset.
class DirtyRing {
 public:
  /// Has each vCPU of `vm` have a ring of `entries`, a power of two, or as many as this KVM allows; gives how
  /// many. Before the first vCPU. Nothing where this KVM has no such rings (Linux before 5.11). Throws Error.
  [[nodiscard]] static std::optional<std::uint32_t> enable(Vm& vm, std::uint32_t entries);

  /// The ring of `vcpu`, of as many `entries` as enable() said. Throws Error.
  DirtyRing(const Vcpu& vcpu, std::uint32_t entries);

  /// Takes what is there, as far as `pages` have room; gives how many. BEWARE: the guest may write these
  /// pages again untold until Vm::reset_dirty_rings() has returned. One thread at a time.
  [[nodiscard]] std::size_t take(std::span<DirtyPage> pages) noexcept;

  [[nodiscard]] std::uint32_t entries() const noexcept { return entries_; }

 private:
  std::uint32_t entries_;
  std::uint32_t next_ = 0;
  Mapping map_;
};

}  // namespace mayfly::kvm
