// SPDX-License-Identifier: Apache-2.0
#include "kvm/dirty_ring.hpp"

#include <algorithm>
#include <array>

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::kvm {

std::optional<std::uint32_t> DirtyRing::enable(Vm& vm, std::uint32_t entries) {
  // The same, where its order of loads and stores holds on weakly ordered processors too (Linux 6.1).
  for (const std::uint32_t capability :
       std::array<std::uint32_t, 2>{KVM_CAP_DIRTY_LOG_RING_ACQ_REL, KVM_CAP_DIRTY_LOG_RING}) {
    const auto bytes_max = static_cast<std::uint32_t>(vm.check(capability));
    if (bytes_max != 0) {
      const auto taken = std::min(entries, bytes_max / static_cast<std::uint32_t>(sizeof(kvm_dirty_gfn)));
      vm.enable(capability, taken * sizeof(kvm_dirty_gfn));
      return taken;
    }
  }
  return std::nullopt;
}

DirtyRing::DirtyRing(const Vcpu& vcpu, std::uint32_t entries) : entries_(entries) {
  const std::size_t bytes = std::size_t{entries} * sizeof(kvm_dirty_gfn);
  const long offset = KVM_DIRTY_LOG_PAGE_OFFSET * ::sysconf(_SC_PAGESIZE);
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd(), offset);
  if (at == MAP_FAILED) {
    fail_errno("cannot map the ring of pages that a vCPU has written");
  }
  map_ = Mapping(at, bytes);
}

std::size_t DirtyRing::take(std::span<DirtyPage> pages) noexcept {
  auto* ring = reinterpret_cast<kvm_dirty_gfn*>(map_.data());  // Safe: KVM's own layout of this mapping.
  std::size_t taken = 0;
  for (; taken < pages.size(); ++taken) {
    kvm_dirty_gfn& entry = ring[next_ % entries_];
    // The flag goes before the rest when KVM fills an entry, and after it when we give it back.
    if ((__atomic_load_n(&entry.flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_DIRTY) == 0) {
      break;
    }
    pages[taken] = {entry.slot, entry.offset};
    __atomic_store_n(&entry.flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
    ++next_;
  }
  return taken;
}

}  // namespace mayfly::kvm
