// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "vfio/dma_counters.hpp"
#include "vfio/held_units.hpp"
#include "vfio/hold_order.hpp"
#include "vfio/piece_set.hpp"
#include "vfio/piece_states.hpp"
#include "vfio/piece_table.hpp"
#include "vfio/waiting.hpp"

namespace mayfly::vfio {

/// When memory that nobody waits for is mapped.
enum class Background : std::uint8_t {
  kAtOnce,    ///< from the beginning
  kWhenTold,  ///< once begin_background() says so
  /// From the beginning, but not from pause_background() to begin_background(): as long as there is nothing
  /// else to do. One piece at a time, so that this ends soon when there is.
  kAhead,
};

/// What a plan goes by.
struct DmaRules {
  PieceRules pieces;
  /// Bytes that one map covers at most, while somebody waits and otherwise; powers of two. A piece that is
  /// larger goes alone. Maps also end at multiples of it, so that the IOMMU can use its own large pages.
  std::uint64_t busy_merge_bytes = 256 * kMiB;
  std::uint64_t idle_merge_bytes = kGiB;
  Background background = Background::kAtOnce;
};

/// Adjacent pieces that one map covers.
struct MapJob {
  PieceIndex first = 0;
  PieceIndex count = 0;
};

/// All decisions of the DMA map, and nothing else: what is populated and mapped next, who is answered when.
/// It has no thread, lock, clock or system call of its own; DmaMap gives it those, tests and simulation give
/// others.
///
/// The invariant, from the moment that a settle() is answered on: every byte of RAM outside what is held is
/// mapped. host/HACKING.md says why it holds. Calls do not overlap, except those marked "Any thread".
/// Times are nanoseconds of one monotonic clock.
class DmaPlan {
 public:
  using Answer = HeldMemory::Answer;
  using Done = HeldMemory::Done;

  /// Nothing populated, mapped or held. Throws Error as PieceTable does.
  DmaPlan(std::span<const GuestMemory::Region> ram, const DmaRules& rules);

  /// HeldMemory's calls. A Done becomes due, see take_due().
  [[nodiscard]] Result<void, HeldFault> hold(GuestRange range, std::uint64_t now) noexcept;
  [[nodiscard]] Result<Answer, HeldFault> release(GuestRange range, Done done, std::uint64_t now) noexcept;
  [[nodiscard]] Answer release_all(Done done, std::uint64_t now) noexcept;
  [[nodiscard]] Answer settle(Done done, std::uint64_t now) noexcept;
  [[nodiscard]] Answer when_ready(std::uint64_t bytes, Done done, std::uint64_t now) noexcept;
  [[nodiscard]] std::optional<GuestRange> next_ready_run(GuestAddress from) const noexcept;
  void forget(const void* owner) noexcept { waiting_.forget(owner); }

  /// What to populate next; nothing when there is nothing to do now. The caller does it, then says
  /// end_populate().
  [[nodiscard]] std::optional<PieceIndex> begin_populate() noexcept;
  void end_populate(PieceIndex piece) noexcept { states_.advance(piece, PieceState::kPopulated); }
  /// What to map next; nothing when there is nothing to do now. The caller does it, then says end_map().
  [[nodiscard]] std::optional<MapJob> begin_map() noexcept;
  /// The job's memory is mapped: only now may anybody be told.
  void end_map(MapJob job, std::uint64_t now) noexcept;
  /// The next answer that is due, for the caller to call.
  [[nodiscard]] std::optional<Done> take_due() noexcept { return waiting_.take_due(); }
  [[nodiscard]] bool has_due() const noexcept { return waiting_.has_due(); }

  /// Memory that nobody waits for is mapped too from now on.
  void begin_background() noexcept;
  /// It is not any more; only after Background::kAhead.
  void pause_background() noexcept;
  /// False for a piece between begin_populate() and end_populate() that may as well stay there: it is not of
  /// the window, there is no background, and nobody waits. For any piece: who populates one is needed for it.
  [[nodiscard]] bool is_wanted(PieceIndex piece) const noexcept;
  /// The host has refused: nothing more begins, and what waits for it waits for ever.
  void fail() noexcept { failed_ = true; }

  /// The invariant holds, and will. Any thread.
  [[nodiscard]] bool is_settled() const noexcept { return settled_.load(std::memory_order_acquire); }
  /// Any thread.
  [[nodiscard]] bool is_all_mapped() const noexcept { return all_mapped_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_all_populated() const noexcept { return states_.absent().empty(); }
  /// Any thread.
  [[nodiscard]] PieceState state(PieceIndex piece) const noexcept { return states_[piece]; }
  [[nodiscard]] bool is_window_mapped() const noexcept;

  [[nodiscard]] const PieceTable& table() const noexcept { return table_; }
  [[nodiscard]] GuestRange guest(MapJob job) const noexcept;
  /// All but the times that calls to the host took.
  [[nodiscard]] DmaCounters counters() const noexcept;
  /// One map that was made, each once: for teardown, after which nothing else is called.
  [[nodiscard]] std::optional<GuestRange> take_entry() noexcept;

 private:
  enum class Wait : std::uint8_t { kForNeighbours, kForNothing };

  [[nodiscard]] bool is_mapped(PieceIndex piece) const noexcept {
    return states_[piece] == PieceState::kMapped;
  }
  [[nodiscard]] bool may_join_next(PieceIndex piece, std::uint64_t merge_bytes) const noexcept;
  [[nodiscard]] MapJob grow(PieceIndex piece, std::uint64_t merge_bytes) const noexcept;
  [[nodiscard]] bool has_coming_neighbour(MapJob job, const PieceSet& among,
                                          std::uint64_t merge_bytes) const noexcept;
  [[nodiscard]] std::optional<MapJob> find_job(const PieceSet& among, std::uint64_t merge_bytes,
                                               Wait wait) const noexcept;
  [[nodiscard]] std::uint64_t end_of_run(PieceIndex piece, std::uint64_t first) const noexcept;
  void make_urgent(PieceIndex piece) noexcept;
  void piece_mapped(PieceIndex piece, std::uint64_t now) noexcept;
  [[nodiscard]] bool counts_as_ready(PieceIndex piece) const noexcept {
    return is_mapped(piece) && !hold_order_.is_waiting(piece);
  }
  void pass_mapped() noexcept;
  void answer_requests(std::uint64_t now) noexcept;

  PieceTable table_;
  DmaRules rules_;
  Background background_;
  PieceStates states_;
  HeldUnits held_;
  Waiting waiting_;
  // Pieces not mapped of which something is not held. Only ever shrinks: hold() and maps take pieces out,
  // and release() puts none in, since it lets go of nothing that is not mapped.
  PieceSet exposed_;
  // Pieces that a release waits for, and the order in which they became so. Each comes in once.
  PieceSet urgent_;
  std::vector<PieceIndex> urgent_order_;
  std::size_t urgent_next_ = 0;
  HoldOrder hold_order_;
  // Mapped pieces of which something is held; how many units are, but for pieces whose turn has not come.
  PieceSet ready_;
  std::uint64_t ready_units_ = 0;
  // The first piece of each map.
  PieceSet entries_;
  bool failed_ = false;
  std::atomic<bool> settled_{false};
  std::atomic<bool> all_mapped_{false};
  DmaCounters counters_;
};

}  // namespace mayfly::vfio
