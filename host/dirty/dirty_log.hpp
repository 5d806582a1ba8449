// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "dirty/dirty_pages.hpp"
#include "kvm/dirty_ring.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_set.hpp"

namespace mayfly::dirty {

/// Memory whose writes are logged: a slot of KVM's, as Vm::add_memory() has made it.
struct LoggedSlot {
  std::uint32_t slot = 0;
  GuestMemory::Region memory;
};

/// Tells which pages of a guest's memory its vCPUs have written, while they run: what a live snapshot copies.
///
/// Each vCPU has a ring of its own (kvm::DirtyRing). Whoever takes pages from it, its own thread when it is
/// full or collect(), resets the rings first and only then tells of the pages, so that what the guest writes
/// to a page after it was told of is told of again. A vCPU waits for no other to take its pages; KVM resets
/// the rings of all of them one call at a time, which is why rings are large: 64 Ki pages each.
///
/// What KVM does not see it does not tell: pages that the host writes for the guest, as into a ring of
/// virtio's, or devices by the IOMMU.
class DirtyLog {
 public:
  /// 256 MiB of pages between two exits of a vCPU.
  static constexpr std::uint32_t kRingEntries = 1U << 16U;
  static constexpr std::uint64_t kPageBytes = 4096;

  /// `vcpus` were made after kvm::DirtyRing::enable() had said `ring_entries`; none of them runs. All outlive
  /// this. Throws Error.
  DirtyLog(kvm::Vm& vm, std::span<const LoggedSlot> slots, std::span<const kvm::Vcpu* const> vcpus,
           std::uint32_t ring_entries);
  DirtyLog(const DirtyLog&) = delete;
  DirtyLog& operator=(const DirtyLog&) = delete;
  /// Logging is off.
  ~DirtyLog() = default;

  /// From when this returns on, each page that the guest writes is told of. KVM splits huge mappings now, not
  /// under the guest's first write. Throws Error.
  void start();
  /// Nothing more is told of than what collect() has not given yet; huge mappings come back. Throws Error.
  void stop();

  /// Adds what was written since the last call to `pages`, a set of pages() numbers: pages of the slots, one
  /// slot after the other. What a vCPU is taking from its full ring right now, or its processor has not told
  /// KVM yet (VMX, page modification log), comes with a later call; with all vCPUs at rest nothing is left.
  /// Copy a page after this, not before. One thread at a time. Throws Error.
  void collect(PageSet& pages);

  /// Makes room in the ring of vCPU `index` after DirtyRingFull. On its thread. Throws Error.
  void make_room(std::size_t index);

  /// Of all slots.
  [[nodiscard]] std::uint64_t pages() const noexcept { return written_.pages(); }

 private:
  /// A vCPU's ring, and where its pages wait for the reset.
  struct Ring {
    Ring(const kvm::Vcpu& vcpu, std::uint32_t entries) : ring(vcpu, entries), taken(entries) {}
    std::mutex mutex;
    kvm::DirtyRing ring;
    std::vector<kvm::DirtyPage> taken;
  };
  struct First {
    LoggedSlot slot;
    std::uint64_t page = 0;
  };

  void log_writes(bool on);
  void tell(std::span<const kvm::DirtyPage> taken) noexcept;

  kvm::Vm& vm_;
  std::vector<First> slots_;
  std::vector<std::unique_ptr<Ring>> rings_;
  DirtyPages written_;
};

}  // namespace mayfly::dirty
