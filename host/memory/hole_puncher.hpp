// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>

#include "memory/backing.hpp"
#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "memory/page_set.hpp"

namespace mayfly {

/// HeldMemory of a machine without passed-through devices: what is held goes back to the host, huge pages
/// included, as soon as all of a page is held; the guest finds it zeroed when it takes it again.
///
/// Releases are answered at once. One exception: huge pages that went back to the host's pool, and that
/// others have taken meanwhile, cannot be promised to the guest again; its release is then never answered,
/// which leaves the memory unused where touching it would kill the machine. Huge pages that were never
/// touched stay promised: Linux takes a promise back only with its page (fs/hugetlbfs/inode.c,
/// remove_inode_single_folio).
class HolePuncher final : public HeldMemory {
 public:
  /// `backing` holds all regions of `memory`, whole 2 MiB pages each. Both outlive this. Throws Error.
  HolePuncher(Backing& backing, const GuestMemory& memory);

  [[nodiscard]] Result<void, HeldFault> hold(GuestRange range) noexcept override;
  [[nodiscard]] Result<Answer, HeldFault> release(GuestRange range, Done done) noexcept override;
  [[nodiscard]] Answer release_all(Done done) noexcept override;
  [[nodiscard]] Answer settle(Done /*done*/) noexcept override { return Answer::kNow; }
  [[nodiscard]] Answer when_ready(std::uint64_t /*bytes*/, Done /*done*/) noexcept override {
    return Answer::kNow;
  }
  [[nodiscard]] std::optional<GuestRange> next_ready_run(GuestAddress from) const noexcept override;
  [[nodiscard]] bool is_all_ready() const noexcept override { return true; }
  void forget(const void* /*owner*/) noexcept override {}

 private:
  /// Units of HeldMemory, counted from the beginning of the backing.
  using Run = PageSet::Run;
  /// The place of `range` in the backing.
  [[nodiscard]] Result<Run, HeldFault> run_of(GuestRange range) const noexcept;
  [[nodiscard]] std::uint64_t first_unit(const GuestMemory::Region& region) const noexcept;
  /// The host pages that `run` touches, in `punched_`.
  [[nodiscard]] Run pages_of(Run run) const noexcept;
  void punch(Run run) noexcept;
  /// False when the host has no page left for all of it; what it had is the guest's again.
  [[nodiscard]] bool mend(Run run) noexcept;
  [[nodiscard]] Answer refuse() noexcept;

  Backing& backing_;
  const GuestMemory& memory_;
  /// Of one page of the backing; 1 but for 1 GiB pages.
  std::uint64_t units_a_page_;
  mutable std::mutex mutex_;
  PageSet held_;
  /// Pages of the backing that went back to the host.
  PageSet punched_;
  bool told_ = false;
};

}  // namespace mayfly
